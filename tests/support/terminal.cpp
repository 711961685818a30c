#include "tests/support/terminal.h"

#include <pty.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <system_error>

#include "tests/support/unix_socket.h"

namespace ivshmemd::test {

Terminal::Terminal(std::vector<std::string> argv) {
    std::vector<char*> pointers;
    for (std::string& word : argv) pointers.push_back(word.data());
    pointers.push_back(nullptr);
    const winsize size{.ws_row = 24, .ws_col = 80, .ws_xpixel = 0, .ws_ypixel = 0};
    int master = -1;
    pid_ = ::forkpty(&master, nullptr, nullptr, &size);
    if (pid_ < 0) throw std::system_error(errno, std::generic_category(), "forkpty");
    if (pid_ == 0) {
        // Nothing that allocates: another thread may hold the heap's lock.
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);
        ::execvp(pointers[0], pointers.data());
        ::_exit(127);
    }
    master_.reset(master);
}

Terminal::~Terminal() {
    if (reaped_) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
}

void Terminal::type(std::string_view keys) {
    if (::write(master_.get(), keys.data(), keys.size()) != static_cast<ssize_t>(keys.size())) {
        throw std::system_error(errno, std::generic_category(), "typing on a terminal");
    }
}

// False at the deadline, and when no program has the terminal open any more.
bool Terminal::read_more(Deadline deadline) {
    if (!wait_readable(master_.get(), deadline)) return false;
    std::array<char, 4096> chunk;
    const ssize_t count = ::read(master_.get(), chunk.data(), chunk.size());
    if (count <= 0) return false;
    text_.append(chunk.data(), static_cast<std::size_t>(count));
    return true;
}

bool Terminal::wait_text(std::string_view text, Deadline deadline) {
    while (text_.find(text) == std::string::npos) {
        if (!read_more(deadline)) return false;
    }
    return true;
}

std::optional<int> Terminal::wait_exit(Deadline deadline) {
    while (read_more(deadline)) {
    }
    if (deadline.passed()) return std::nullopt;
    int status = 0;
    if (::waitpid(pid_, &status, 0) != pid_) return std::nullopt;
    reaped_ = true;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

}  // namespace ivshmemd::test
