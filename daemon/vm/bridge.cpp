#include "daemon/vm/bridge.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <filesystem>

#include "daemon/base/accounts.h"
#include "daemon/base/unique_fd.h"

namespace ivshmemd {
namespace {

constexpr const char* bridge_user = "ivshmemd-libvirt";
constexpr std::string_view monitor_suffix = ".qmp";

bool is_trusted(uid_t user) {
    return user == 0 || user == ::geteuid() || user_id(bridge_user) == user;
}

bool is_written_by_trusted(const struct stat& status) {
    return (status.st_mode & 0022) == 0 && is_trusted(status.st_uid);
}

// Empty when it is none of theirs.
std::string read_trusted(const std::string& path) {
    const UniqueFd file(::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
    struct stat status {};
    if (!file || ::fstat(file.get(), &status) != 0) return "";
    if (!S_ISREG(status.st_mode) || !is_written_by_trusted(status)) return "";
    std::array<char, 4096> buffer{};
    const ssize_t count = ::read(file.get(), buffer.data(), buffer.size());
    return count > 0 ? std::string(buffer.data(), static_cast<std::size_t>(count)) : "";
}

bool is_trusted_directory(const std::filesystem::path& path) {
    struct stat status {};
    return ::stat(path.c_str(), &status) == 0 && is_written_by_trusted(status);
}

// A process can have ended, and its number be another one's.
bool is_of_vm(const std::vector<std::string>& command_line, const std::string& uuid) {
    const auto option = std::find(command_line.begin(), command_line.end(), "-uuid");
    return option != command_line.end() && option + 1 != command_line.end() && option[1] == uuid;
}

}  // namespace

std::optional<BridgeNote> believed_note(const std::string& socket_path,
                                        std::optional<uid_t> listener) {
    if (!socket_path.ends_with(monitor_suffix)) return std::nullopt;
    const std::string base = socket_path.substr(0, socket_path.size() - monitor_suffix.size());
    const std::string text = read_trusted(base + ".json");
    if (text.empty() || (listener && !is_trusted(*listener))) return std::nullopt;
    if (!is_trusted_directory(std::filesystem::path(base).parent_path())) return std::nullopt;
    return read_bridge_note(text);
}

void believe_note(Identity& identity, const std::string& socket_path) {
    const std::optional<BridgeNote> note = believed_note(socket_path, identity.user);
    if (!note) return;
    identity.bridge = note->bridge;
    identity.run = note->bridge + "/" + note->uuid + "/" + note->run;
    if (note->uid) identity.user = *note->uid;
    identity.pid.reset();
    identity.started.reset();
    identity.command_line.clear();
    if (!note->pid) return;
    std::vector<std::string> command_line = read_command_line(*note->pid);
    if (!is_of_vm(command_line, note->uuid)) return;
    identity.pid = note->pid;
    identity.started = start_of(*note->pid);
    identity.command_line = std::move(command_line);
}

std::string held_by_bridge(const std::string& socket_path, uid_t listener) {
    const std::optional<BridgeNote> note = believed_note(socket_path, listener);
    return note ? note->held : "";
}

}  // namespace ivshmemd
