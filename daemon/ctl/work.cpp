#include "daemon/ctl/work.h"

#include <fcntl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>

namespace ivshmemd::ctl {
namespace {

constexpr std::array end_signals{SIGINT, SIGTERM, SIGHUP};
constexpr int exit_not_found = 127;
constexpr int exit_not_runnable = 126;
constexpr int exit_signalled = 128;

bool is_ignored_here(int signal) {
    struct sigaction action {};
    return sigaction(signal, nullptr, &action) == 0 && action.sa_handler == SIG_IGN;
}

sigset_t set_of_child() {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    return set;
}

std::vector<char*> argument_vector(const std::vector<std::string>& words) {
    std::vector<char*> arguments;
    for (const std::string& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
    arguments.push_back(nullptr);
    return arguments;
}

// The places where the program may be.
std::vector<std::string> candidates(const std::string& name) {
    if (name.find('/') != std::string::npos || name.empty()) return {name};
    const char* set = std::getenv("PATH");
    const std::string places = set ? set : "/bin:/usr/bin";
    std::vector<std::string> paths;
    for (std::size_t begin = 0; begin <= places.size();) {
        const std::size_t end = std::min(places.find(':', begin), places.size());
        const std::string place = places.substr(begin, end - begin);
        paths.push_back((place.empty() ? "." : place) + "/" + name);
        begin = end + 1;
    }
    return paths;
}

// The errno of running it; 0: it can be run.
int error_of_program(const std::string& path) {
    struct stat status {};
    if (stat(path.c_str(), &status) != 0) return errno;
    if (!S_ISREG(status.st_mode)) return EACCES;
    return faccessat(AT_FDCWD, path.c_str(), X_OK, AT_EACCESS) == 0 ? 0 : errno;
}

Error not_runnable(int error) {
    const bool missing = error == ENOENT || error == ENOTDIR;
    const ErrorKind kind = missing ? ErrorKind::no_such_device : ErrorKind::internal;
    return Error(kind, std::strerror(error));
}

// In the child: tells why it cannot become the program.
[[noreturn]] void become(char** arguments, const sigset_t& mask, int report) {
    pthread_sigmask(SIG_SETMASK, &mask, nullptr);
    execvp(arguments[0], arguments);
    const int error = errno;
    [[maybe_unused]] const ssize_t written = write(report, &error, sizeof error);
    _exit(exit_not_found);
}

}  // namespace

EndRequests::EndRequests() {
    sigset_t wanted;
    sigemptyset(&wanted);
    for (const int signal : end_signals) {
        if (!is_ignored_here(signal)) sigaddset(&wanted, signal);
    }
    const sigset_t child = set_of_child();
    pthread_sigmask(SIG_BLOCK, &wanted, &before_);
    pthread_sigmask(SIG_BLOCK, &child, nullptr);
    requests_ = signalfd(-1, &wanted, SFD_NONBLOCK | SFD_CLOEXEC);
    children_ = signalfd(-1, &child, SFD_NONBLOCK | SFD_CLOEXEC);
}

EndRequests::~EndRequests() {
    take();
    take_children();
    close(requests_);
    close(children_);
    pthread_sigmask(SIG_SETMASK, &before_, nullptr);
}

std::vector<int> EndRequests::take() {
    std::vector<int> signals;
    signalfd_siginfo info;
    while (read(requests_, &info, sizeof info) == sizeof info) {
        if (info.ssi_code <= 0) signals.push_back(static_cast<int>(info.ssi_signo));
    }
    return signals;
}

void EndRequests::take_children() {
    signalfd_siginfo info;
    while (read(children_, &info, sizeof info) == sizeof info) {
    }
}

Result<void> check_program(const std::string& name) {
    int error = ENOENT;
    for (const std::string& path : candidates(name)) {
        const int here = error_of_program(path);
        if (here == 0) return {};
        // One that may not be run says more than the places where there is none.
        if (error == ENOENT)
            error = here == ENOTDIR && name.find('/') == std::string::npos ? ENOENT : here;
    }
    return not_runnable(error);
}

Result<Work> Work::start(const std::vector<std::string>& words, const EndRequests& requests) {
    std::array<int, 2> report{};
    if (pipe2(report.data(), O_CLOEXEC) != 0) {
        return Error(ErrorKind::internal, std::string("cannot start it: ") + std::strerror(errno));
    }
    std::vector<char*> arguments = argument_vector(words);
    const pid_t pid = fork();
    if (pid == 0) become(arguments.data(), requests.mask_before(), report[1]);
    const int fork_error = errno;
    close(report[1]);
    int error = 0;
    const bool failed = pid > 0 && read(report[0], &error, sizeof error) == sizeof error;
    close(report[0]);
    if (pid < 0) error = fork_error;
    if (failed) waitpid(pid, nullptr, 0);
    if (pid > 0 && !failed) return Work(pid);
    return not_runnable(error);
}

void Work::send(int signal) const {
    kill(pid_, signal);
}

bool Work::ended() {
    if (exit_code_ >= 0) return true;
    int status = 0;
    if (waitpid(pid_, &status, WNOHANG) != pid_) return false;
    exit_code_ = WIFEXITED(status) ? WEXITSTATUS(status) : exit_signalled + WTERMSIG(status);
    return true;
}

int exit_code_of_failure(const Error& error) {
    return error.kind == ErrorKind::no_such_device ? exit_not_found : exit_not_runnable;
}

}  // namespace ivshmemd::ctl
