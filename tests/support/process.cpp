#include "tests/support/process.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <cerrno>
#include <system_error>
#include <thread>

#include "tests/support/unix_socket.h"

namespace ivshmemd::test {
namespace {

[[noreturn]] void fail(const std::string& what) {
    throw std::system_error(errno, std::generic_category(), what);
}

// Files in memory as standard streams: no pipe that somebody must keep empty.
FileDescriptor memory_file(const std::string& content = {}) {
    FileDescriptor fd(::memfd_create("test-stream", MFD_CLOEXEC));
    if (!fd) fail("memfd_create");
    if (::pwrite(fd.get(), content.data(), content.size(), 0) < 0) fail("memfd write");
    return fd;
}

std::string read_all(int fd) {
    struct stat status {};
    if (::fstat(fd, &status) != 0) fail("fstat");
    std::string text(static_cast<size_t>(status.st_size), '\0');
    const ssize_t count = ::pread(fd, text.data(), text.size(), 0);
    text.resize(count > 0 ? static_cast<size_t>(count) : 0);
    return text;
}

std::vector<std::string> merged_environment(const std::map<std::string, std::string>& changes) {
    std::map<std::string, std::string> all;
    for (char** entry = environ; *entry; ++entry) {
        const std::string text = *entry;
        const size_t equals = text.find('=');
        if (equals != std::string::npos) all[text.substr(0, equals)] = text.substr(equals + 1);
    }
    for (const auto& [name, value] : changes) all[name] = value;
    std::vector<std::string> result;
    for (const auto& [name, value] : all) result.push_back(name + "=" + value);
    return result;
}

std::vector<char*> pointers_to(std::vector<std::string>& strings) {
    std::vector<char*> result;
    for (std::string& text : strings) result.push_back(text.data());
    result.push_back(nullptr);
    return result;
}

// Between fork and exec: nothing that allocates, because another thread may hold the heap's lock.
[[noreturn]] void become(char* const* argv, char* const* env, const int (&streams)[3],
                         const std::vector<FileDescriptor>& passed, pid_t parent) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != parent) ::_exit(127);
    for (int i = 0; i < 3; ++i) ::dup2(streams[i], i);
    for (size_t i = 0; i < passed.size(); ++i) ::dup2(passed[i].get(), static_cast<int>(3 + i));
    ::execvpe(argv[0], argv, env);
    ::_exit(127);
}

}  // namespace

std::vector<std::string> as_user(uid_t user, const std::vector<gid_t>& groups) {
    const std::string id = std::to_string(user);
    std::string list;
    for (const gid_t group : groups) list += (list.empty() ? "" : ",") + std::to_string(group);
    // A change of user would make the kernel forget that the program is to die with the tests.
    return {"setpriv",
            "--reuid=" + id,
            "--regid=" + id,
            list.empty() ? "--clear-groups" : "--groups=" + list,
            "--pdeathsig=KILL",
            "sh",
            "-c",
            "umask 0007 && exec \"$0\" \"$@\""};
}

Child::Child(const Command& command) : out_(memory_file()), err_(memory_file()) {
    std::vector<std::string> arguments = command.argv;
    std::vector<std::string> environment = merged_environment(command.env);
    const std::vector<char*> argv = pointers_to(arguments);
    const std::vector<char*> env = pointers_to(environment);
    const FileDescriptor input = memory_file(command.input);
    // Out of the way of the numbers they will have.
    std::vector<FileDescriptor> passed;
    for (const int fd : command.fds) passed.emplace_back(::fcntl(fd, F_DUPFD_CLOEXEC, 100));
    const pid_t parent = ::getpid();
    pid_ = ::fork();
    if (pid_ < 0) fail("fork");
    if (pid_ == 0) {
        become(argv.data(), env.data(), {input.get(), out_.get(), err_.get()}, passed, parent);
    }
    pidfd_.reset(static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0)));
    if (!pidfd_) fail("pidfd_open");
}

Child::~Child() {
    kill();
}

bool Child::alive() {
    return !wait_exit(Deadline::after(std::chrono::milliseconds(0)));
}

void Child::signal(int number) {
    if (!exit_code_) ::kill(pid_, number);
}

std::optional<int> Child::wait_exit(Deadline deadline) {
    if (exit_code_ || !wait_readable(pidfd_.get(), deadline)) return exit_code_;
    int status = 0;
    if (::waitpid(pid_, &status, 0) != pid_) fail("waitpid");
    exit_code_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    return exit_code_;
}

void Child::kill() {
    signal(SIGKILL);
    wait_exit(soon());
}

std::string Child::out() const {
    return read_all(out_.get());
}

std::string Child::err() const {
    return read_all(err_.get());
}

bool Child::wait_out(std::string_view text, Deadline deadline) {
    for (;;) {
        const bool ended = !alive();  // asked first: what it printed last counts
        if (out().find(text) != std::string::npos) return true;
        if (ended || deadline.passed()) return false;
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
}

RunResult run(const Command& command, Deadline deadline) {
    Child child(command);
    RunResult result;
    const std::optional<int> code = child.wait_exit(deadline);
    result.timed_out = !code;
    if (!code) child.kill();
    result.exit_code = code.value_or(128 + SIGKILL);
    result.out = child.out();
    result.err = child.err();
    return result;
}

}  // namespace ivshmemd::test
