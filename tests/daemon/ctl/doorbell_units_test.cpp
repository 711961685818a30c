// Doorbell servers that apply has systemd start, with a program in the place of systemctl.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "tests/daemon/ctl/captured.h"
#include "tests/support/temp_dir.h"
#include "tests/support/unix_socket.h"

namespace ivshmemd::ctl::test {
namespace {

using testing::HasSubstr;
using testing::Not;

std::string text_of_file(const std::string& path) {
    std::ifstream file(path);
    return {std::istreambuf_iterator<char>(file), {}};
}

/// Where the template listens, as its unit says.
std::string socket_of(const std::string& instance) {
    const std::string unit = text_of_file(IVSHMEMD_SOURCE_DIR "/systemd/ivshmem-doorbell@.socket");
    const std::string key = "\nListenStream=";
    const auto begin = unit.find(key) + key.size();
    std::string path = unit.substr(begin, unit.find('\n', begin) - begin);
    return path.replace(path.find("%i"), 2, instance);
}

class CtlDoorbellUnits : public testing::Test {
  protected:
    void SetUp() override { set_systemctl("exit 0"); }
    void TearDown() override { ::setenv("PATH", path_before_.c_str(), 1); }

    /// A line for a shell; empty for a host without systemd.
    void set_systemctl(const std::string& line) {
        const std::string program = directory_ / "systemctl";
        std::filesystem::remove(program);
        if (!line.empty()) {
            std::ofstream(program) << "#!/bin/sh\necho \"$@\" >>'" << words_ << "'\n"
                                   << "echo what systemctl prints\n"
                                   << line << "\n";
            ::chmod(program.c_str(), 0700);
        }
        ::setenv("PATH", directory_.path().c_str(), 1);
    }
    Outcome apply(const std::string& server, std::vector<std::string> options = {}) {
        std::ofstream(file_) << "[[doorbell]]\nname = \"bell\"\nserver = \"" << server
                             << "\"\nsize = \"64K\"\nvectors = 2\n"
                             << "[[device]]\nname = \"bell\"\ndoorbell = \"bell\"\n"
                             << "vms = [\"web\", \"db\"]\n";
        std::vector<std::string> arguments{"apply", file_};
        arguments.insert(arguments.end(), options.begin(), options.end());
        return run_with(arguments, recorder_.caller());
    }
    void refuse() {
        recorder_.answer = daemon_error(
            "io.ivshmemd.Hotplug.TransactionFailed",
            std::make_shared<const json>(json::parse(R"({"message":"web/bell: nobody there",
                "error":"ServerUnusable","undone":true,"faults":[{"error":"ServerUnusable",
                "vm":"web","device":"bell","key":"/device/0","message":"nobody there"}]})")));
    }

    const std::string path_before_ = ::getenv("PATH");
    ivshmemd::test::TempDir directory_;
    const std::string words_ = directory_ / "words";
    const std::string file_ = directory_ / "t.toml";
    const std::string server_ = socket_of("ctl-test.net0");
    const std::string unit_ = "ivshmem-doorbell@ctl-test.net0.service";
    Recorder recorder_;
};

TEST_F(CtlDoorbellUnits, AreStartedBeforeTheTransaction) {
    recorder_.answer = reply_of(R"({"changed":false,"changes":[]})");
    const Outcome outcome = apply(server_, {"--json=short"});
    EXPECT_EQ(outcome.code, 0) << outcome.err;
    EXPECT_EQ(text_of_file(words_), "start " + unit_ + "\n") << "once, for both VMs";
    EXPECT_EQ(outcome.err, "ivshmemctl: started " + unit_ + " for " + server_ + "\n");
    EXPECT_EQ(outcome.out, "{\"changed\":false,\"changes\":[]}\n");
    EXPECT_EQ(recorder_.calls, 1);
}

TEST_F(CtlDoorbellUnits, AreNamedWhenTheTransactionFails) {
    refuse();
    const Outcome outcome = apply(server_);
    EXPECT_EQ(outcome.code, 8);
    EXPECT_THAT(outcome.err, HasSubstr(unit_ + " was started for this and goes on"));
    EXPECT_THAT(outcome.err,
                HasSubstr("systemctl stop ivshmem-doorbell@ctl-test.net0.socket " + unit_ + "\n"));
}

TEST_F(CtlDoorbellUnits, AreOnlyToldOfInADryRun) {
    refuse();
    const Outcome outcome = apply(server_, {"--dry-run"});
    EXPECT_EQ(text_of_file(words_), "");
    EXPECT_THAT(outcome.err,
                HasSubstr("ivshmemctl: would start " + unit_ + " for " + server_ + "\n"));
    EXPECT_THAT(outcome.err, Not(HasSubstr("nobody serves")));
}

TEST_F(CtlDoorbellUnits, ThatDoNotStartAreExplained) {
    set_systemctl("exit 3");
    refuse();
    const Outcome outcome = apply(server_);
    EXPECT_EQ(outcome.code, 8);
    EXPECT_THAT(outcome.err, HasSubstr("systemctl start " + unit_ + ": exit status 3\n"));
    EXPECT_THAT(
        outcome.err,
        HasSubstr("nobody serves " + server_ + "; start one: systemctl start " + unit_ +
                  ", or ivshmem-doorbell --socket " + server_ + " --size 64K --vectors 2\n"));
    EXPECT_EQ(recorder_.calls, 1) << "what else is wrong is told as well";
}

TEST_F(CtlDoorbellUnits, AreExplainedWithoutSystemd) {
    set_systemctl("");
    refuse();
    EXPECT_THAT(apply(server_).err, HasSubstr("there is no systemctl\n"));
    const Outcome elsewhere = apply(directory_ / "b.sock");
    EXPECT_THAT(elsewhere.err, HasSubstr("; start one: ivshmem-doorbell --socket "));
    EXPECT_THAT(elsewhere.err, Not(HasSubstr("systemctl")));
}

TEST_F(CtlDoorbellUnits, AreStartedForNothingElse) {
    recorder_.answer = reply_of(R"({"changed":false,"changes":[]})");
    const auto there = ivshmemd::test::bind_unix(directory_ / "there.sock", SOCK_STREAM);
    for (const std::string& server :
         {std::string(directory_ / "there.sock"), std::string(directory_ / "none.sock"),
          socket_of("a b"), socket_of("../x"), socket_of("")}) {
        apply(server);
    }
    apply(server_, {"-H", "elsewhere"});
    std::ofstream(file_) << "";
    EXPECT_EQ(run_with({"apply", file_}, recorder_.caller()).err, "");
    EXPECT_EQ(text_of_file(words_), "");
}

TEST_F(CtlDoorbellUnits, AreNotStartedForAFileThatIsWrong) {
    std::ofstream(file_) << "[[device]]\nname = \"b\"\nserver = \"" << server_
                         << "\"\nvms = [\"web\"]\nmood = 1\n";
    refuse();
    run_with({"apply", file_}, recorder_.caller());
    EXPECT_EQ(text_of_file(words_), "");
}

}  // namespace
}  // namespace ivshmemd::ctl::test
