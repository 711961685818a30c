#include "daemon/base/journal.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <string>

#include "tests/support/notify_socket.h"
#include "tests/support/temp_dir.h"

namespace ivshmemd::test {
namespace {

struct Pipe {
    Pipe() {
        std::array<int, 2> ends{};
        if (::pipe2(ends.data(), O_CLOEXEC) != 0) std::abort();
        reader.reset(ends[0]);
        writer.reset(ends[1]);
    }
    std::string take() const {
        std::string bytes(std::size_t{1} << 20, '\0');
        const ssize_t count = ::read(reader.get(), bytes.data(), bytes.size());
        bytes.resize(count < 0 ? 0 : static_cast<std::size_t>(count));
        return bytes;
    }
    UniqueFd reader;
    UniqueFd writer;
};

// An alarm ends a test that waits after all.
class WithoutWaiting : public ::testing::Test {
  protected:
    void SetUp() override { ::alarm(60); }
    void TearDown() override { ::alarm(0); }
};

TEST_F(WithoutWaiting, WritesAllThatAPipeTakes) {
    const Pipe pipe;
    const std::string line(10000, 'x');
    std::string_view rest = line;
    EXPECT_EQ(write_at_once(pipe.writer.get(), rest), Taken::yes);
    EXPECT_EQ(rest, "");
    EXPECT_EQ(pipe.take(), line);
}

TEST_F(WithoutWaiting, TellsWhatAFullPipeDidNotTake) {
    const Pipe pipe;
    const std::string line(1000, 'x');
    std::size_t taken = 0;
    std::string_view rest;
    do {
        rest = line;
        taken += write_at_once(pipe.writer.get(), rest) == Taken::yes ? line.size() : 0;
    } while (rest.empty());
    EXPECT_EQ(rest.size(), line.size()) << "a line is not torn while a pipe has room for it";
    EXPECT_EQ(pipe.take().size(), taken);
    rest = line;
    EXPECT_EQ(write_at_once(pipe.writer.get(), rest), Taken::yes);
}

TEST_F(WithoutWaiting, FindsNobodyAtAPipeWhoseReaderHasEnded) {
    const auto before = std::signal(SIGPIPE, SIG_IGN);
    Pipe pipe;
    pipe.reader.reset();
    std::string_view rest = "x";
    EXPECT_EQ(write_at_once(pipe.writer.get(), rest), Taken::absent);
    EXPECT_EQ(rest, "x");
    std::signal(SIGPIPE, before);
}

TEST_F(WithoutWaiting, SendsEntriesUntilTheJournalIsFullAndAgainOnceItReads) {
    const TempDir directory;
    const NotifySocket reader(directory / "journal");  // any datagram socket
    Journal journal(directory / "journal");
    std::string entry;
    append_field(entry, "MESSAGE", "two\nlines");
    append_field(entry, "VM", "web");
    EXPECT_EQ(entry, "MESSAGE=two lines\nVM=web\n");
    int sent = 0;
    Taken taken = Taken::yes;
    while (taken == Taken::yes) {
        taken = journal.send(entry);
        ++sent;
    }
    EXPECT_EQ(taken, Taken::full);
    EXPECT_GT(sent, 1);
}

TEST_F(WithoutWaiting, FindsAJournalThatWasRestarted) {
    const TempDir directory;
    Journal journal(directory / "journal");
    EXPECT_EQ(journal.send("MESSAGE=1\n"), Taken::absent);
    for (int i = 0; i < 2; ++i) {
        NotifySocket reader(directory / "journal");
        EXPECT_EQ(journal.send("MESSAGE=2\n"), Taken::yes);
        EXPECT_TRUE(reader.wait_line("MESSAGE=2", soon()));
        ::unlink((directory / "journal").c_str());
    }
}

}  // namespace
}  // namespace ivshmemd::test
