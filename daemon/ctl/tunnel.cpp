#include "daemon/ctl/tunnel.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <vector>

namespace ivshmemd::ctl {
namespace {

constexpr off_t room_for_words = 64 * 1024;
constexpr std::size_t longest_line = 400;  // of what is printed
constexpr int moment = 200;                // milliseconds
constexpr int long_moment = 5'000;         // milliseconds
constexpr int exit_without_ssh = 255;      // as ssh has it when there is no connection

// A fixed list. The host stands after "--", and nothing of it reaches a shell.
std::vector<std::string> words_of(const std::string& host) {
    const char* program = std::getenv("IVSHMEMCTL_SSH");
    const bool replaced = program != nullptr && *program != '\0';
    std::vector<std::string> words{replaced ? program : "ssh", "-xT"};
    // It asks at the terminal, if there is one, and must not wait for nobody.
    if (isatty(STDERR_FILENO) != 1) words.insert(words.end(), {"-o", "BatchMode=yes"});
    words.insert(words.end(), {"--", host, "ivshmemctl", "bridge"});
    return words;
}

// A file with an end: whoever talks without one is not listened to, and does not block.
int make_said() {
    const int fd = memfd_create("ssh-said", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0) return -1;
    if (ftruncate(fd, room_for_words) == 0 &&
        fcntl(fd, F_ADD_SEALS, F_SEAL_GROW | F_SEAL_SHRINK) == 0) {
        return fd;
    }
    close(fd);
    return -1;
}

// In the child.
[[noreturn]] void become_ssh(char** words, int stream, int said) {
    for (const int signal : {SIGINT, SIGHUP, SIGQUIT}) ::signal(signal, SIG_IGN);
    for (const int signal : {SIGTERM, SIGPIPE, SIGCHLD}) ::signal(signal, SIG_DFL);
    sigset_t none;
    sigemptyset(&none);
    pthread_sigmask(SIG_SETMASK, &none, nullptr);
    dup2(stream, STDIN_FILENO);
    dup2(stream, STDOUT_FILENO);
    dup2(said, STDERR_FILENO);
    execvp(words[0], words);
    const char* reason = std::strerror(errno);
    for (const char* part : {"cannot run ", static_cast<const char*>(words[0]), ": ", reason}) {
        [[maybe_unused]] const ssize_t n = write(STDERR_FILENO, part, std::strlen(part));
    }
    _exit(exit_without_ssh);
}

}  // namespace

Tunnel::~Tunnel() {
    if (pid_ > 0 && !wait_for_exit(moment)) {
        kill(pid_, SIGTERM);
    }
    if (pid_ > 0 && !wait_for_exit(long_moment)) {
        kill(pid_, SIGKILL);
        waitpid(pid_, nullptr, 0);
    }
    if (process_ >= 0) close(process_);
    if (said_ >= 0) close(said_);
}

int Tunnel::start(const std::string& host) {
    std::array<int, 2> streams{};
    said_ = make_said();
    if (said_ < 0) return -1;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, streams.data()) != 0) return -1;
    std::vector<std::string> words = words_of(host);
    std::vector<char*> arguments;
    for (std::string& word : words) arguments.push_back(word.data());
    arguments.push_back(nullptr);
    pid_ = fork();
    if (pid_ == 0) become_ssh(arguments.data(), streams[1], said_);
    const int error = errno;
    close(streams[1]);
    if (pid_ < 0) {
        close(streams[0]);
        errno = error;
        return -1;
    }
    process_ = static_cast<int>(syscall(SYS_pidfd_open, pid_, 0));
    fcntl(streams[0], F_SETFL, O_NONBLOCK);
    return streams[0];
}

Tunnel::End Tunnel::end() {
    if (pid_ > 0 && !wait_for_exit(long_moment)) kill(pid_, SIGTERM);
    wait_for_exit(long_moment);
    return {exit_code_, last_line()};
}

bool Tunnel::wait_for_exit(int milliseconds) {
    if (pid_ <= 0) return true;
    pollfd waited{process_, POLLIN, 0};
    if (process_ >= 0 && poll(&waited, 1, milliseconds) <= 0) return false;
    int status = 0;
    const pid_t ended = waitpid(pid_, &status, process_ >= 0 ? 0 : WNOHANG);
    if (ended == 0) return false;
    pid_ = -1;
    if (ended > 0 && WIFEXITED(status)) exit_code_ = WEXITSTATUS(status);
    return true;
}

std::string Tunnel::last_line() const {
    const off_t end = lseek(said_, 0, SEEK_CUR);
    if (end <= 0) return {};
    std::string text(static_cast<std::size_t>(end), '\0');
    const ssize_t count = pread(said_, text.data(), text.size(), 0);
    text.resize(count > 0 ? static_cast<std::size_t>(count) : 0);
    const std::size_t last = text.find_last_not_of("\r\n ");
    if (last == std::string::npos) return {};
    text.resize(last + 1);
    const std::size_t begin = text.find_last_of('\n');
    return text.substr(begin == std::string::npos ? 0 : begin + 1).substr(0, longest_line);
}

}  // namespace ivshmemd::ctl
