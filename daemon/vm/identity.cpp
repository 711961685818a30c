#include "daemon/vm/identity.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>

namespace ivshmemd {
namespace {

// In an option a socket's path stands behind a colon or an equals sign, and ends with the argument
// or at a comma.
bool names_socket(const std::string& argument, const std::string& path) {
    for (std::size_t at = argument.find(path); at != std::string::npos;
         at = argument.find(path, at + 1)) {
        const std::size_t end = at + path.size();
        const bool ends = end == argument.size() || argument[end] == ',';
        const bool begins = at == 0 || argument[at - 1] == ':' || argument[at - 1] == '=';
        if (begins && ends) return true;
    }
    return false;
}

std::optional<timespec> changed_at(const std::filesystem::path& path) {
    struct stat status {};
    if (::stat(path.c_str(), &status) != 0) return std::nullopt;
    return status.st_ctim;
}

bool later(const timespec& a, const timespec& b) {
    return a.tv_sec != b.tv_sec ? a.tv_sec > b.tv_sec : a.tv_nsec > b.tv_nsec;
}

// Where distributions keep QEMU's modules, relative to its binary's prefix.
std::vector<std::filesystem::path> module_directories() {
    std::vector<std::filesystem::path> found;
    std::error_code ignored;
    for (const char* parent : {"/usr/lib", "/usr/lib64", "/usr/local/lib"}) {
        const std::filesystem::path direct = std::filesystem::path(parent) / "qemu";
        if (std::filesystem::is_directory(direct, ignored)) found.push_back(direct);
        for (const auto& entry : std::filesystem::directory_iterator(parent, ignored)) {
            const std::filesystem::path nested = entry.path() / "qemu";
            if (std::filesystem::is_directory(nested, ignored)) found.push_back(nested);
        }
    }
    return found;
}

// The socket's modification time is when it was bound: chmod and chgrp leave it alone.
bool unchanged_since_bound(const std::filesystem::path& binary, const std::string& socket_path) {
    struct stat socket {};
    if (::stat(socket_path.c_str(), &socket) != 0) return false;
    const std::optional<timespec> binary_changed = changed_at(binary);
    if (!binary_changed || later(*binary_changed, socket.st_mtim)) return false;
    for (const std::filesystem::path& directory : module_directories()) {
        const std::optional<timespec> changed = changed_at(directory);
        if (changed && later(*changed, socket.st_mtim)) return false;
    }
    return true;
}

}  // namespace

std::vector<std::string> read_command_line(pid_t pid) {
    std::ifstream file("/proc/" + std::to_string(pid) + "/cmdline", std::ios::binary);
    const std::string text((std::istreambuf_iterator<char>(file)),
                           std::istreambuf_iterator<char>());
    std::vector<std::string> arguments;
    for (std::size_t begin = 0; begin < text.size();) {
        const std::size_t end = std::min(text.find('\0', begin), text.size());
        arguments.push_back(text.substr(begin, end - begin));
        begin = end + 1;
    }
    return arguments;
}

std::optional<std::uint64_t> start_of(pid_t pid) {
    std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
    const std::string text((std::istreambuf_iterator<char>(file)),
                           std::istreambuf_iterator<char>());
    // It is the 22nd word, and the second one, the program's name, may hold anything.
    const std::size_t name_end = text.rfind(')');
    if (name_end == std::string::npos) return std::nullopt;
    std::istringstream words(text.substr(name_end + 1));
    std::string skipped;
    for (int i = 3; i < 22; ++i) words >> skipped;
    std::uint64_t ticks = 0;
    if (!(words >> ticks)) return std::nullopt;
    return ticks;
}

// A QEMU binds its socket when it starts. One that a manager binds once and passes to each QEMU is
// told apart by the pid alone, where that is QEMU's.
std::string run_of(const std::string& socket_path, pid_t listener) {
    const std::string binding = socket_binding(socket_path);
    return binding.empty() ? "" : binding + "/" + std::to_string(listener);
}

Identity identify(int socket, const std::string& socket_path) {
    Identity identity;
    ucred credentials{};
    socklen_t length = sizeof credentials;
    if (::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &credentials, &length) != 0) return identity;
    identity.user = credentials.uid;
    std::vector<std::string> arguments = read_command_line(credentials.pid);
    const bool named =
        std::any_of(arguments.begin(), arguments.end(),
                    [&](const std::string& each) { return names_socket(each, socket_path); });
    if (named) {
        identity.pid = credentials.pid;
        identity.started = start_of(credentials.pid);
        identity.command_line = std::move(arguments);
    }
    identity.binding = socket_binding(socket_path);
    identity.run = run_of(socket_path, credentials.pid);
    return identity;
}

bool is_same_process(const Identity& a, const Identity& b) {
    return !a.run.empty() && a.run == b.run;
}

std::string socket_binding(const std::string& socket_path) {
    struct stat status {};
    if (::stat(socket_path.c_str(), &status) != 0) return "";
    return std::to_string(status.st_ino) + "@" + std::to_string(status.st_mtim.tv_sec) + "." +
           std::to_string(status.st_mtim.tv_nsec);
}

bool has_ended(const Identity& identity) {
    if (::kill(*identity.pid, 0) != 0 && errno == ESRCH) return true;
    const std::optional<std::uint64_t> now = start_of(*identity.pid);
    return identity.started && now && *now != *identity.started;
}

bool modules_unchanged(const Identity& identity, const std::string& socket_path) {
    if (!identity.pid || !identity.bridge.empty()) return false;
    std::error_code error;
    const std::filesystem::path executable =
        std::filesystem::read_symlink("/proc/" + std::to_string(*identity.pid) + "/exe", error);
    if (!error) return !executable.native().ends_with(" (deleted)");
    // Another user's process: its command line is readable where its executable is not.
    const std::filesystem::path binary = identity.command_line.front();
    return binary.is_absolute() && unchanged_since_bound(binary, socket_path);
}

}  // namespace ivshmemd
