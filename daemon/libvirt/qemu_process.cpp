#include "daemon/libvirt/qemu_process.h"

#include <sys/stat.h>

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>

#include "daemon/base/accounts.h"

namespace ivshmemd::libvirt {
namespace {

std::string without_plus(const std::string& id) {
    return id.starts_with('+') ? id.substr(1) : id;
}

// Arguments end in NUL, and so does what is looked for.
bool is_of_uuid(const std::filesystem::path& process, const std::string& uuid) {
    std::ifstream file(process / "cmdline", std::ios::binary);
    const std::string line((std::istreambuf_iterator<char>(file)),
                           std::istreambuf_iterator<char>());
    const std::string option = std::string("\0-uuid\0", 7) + uuid + std::string(1, '\0');
    return line.find(option) != std::string::npos;
}

bool is_of_user(const std::filesystem::path& process, uid_t user) {
    struct stat status {};
    return ::stat(process.c_str(), &status) == 0 && status.st_uid == user;
}

}  // namespace

std::optional<Owner> read_owner_label(const std::string& label) {
    const std::size_t colon = label.find(':');
    if (colon == std::string::npos) return std::nullopt;
    const std::optional<uid_t> uid = user_id(without_plus(label.substr(0, colon)));
    const std::optional<gid_t> gid = group_id(without_plus(label.substr(colon + 1)));
    if (!uid || !gid) return std::nullopt;
    return Owner{*uid, *gid};
}

bool is_owner_label(const std::string& label) {
    return std::count(label.begin(), label.end(), ':') == 1 && label.front() != ':';
}

std::string kernel_label(const std::string& label, bool enforcing) {
    if (label.empty()) return "";
    if (!enforcing) return label + " (complain)";
    return label.find(':') == std::string::npos ? label + " (enforce)" : label;
}

std::optional<pid_t> find_qemu(const std::string& uuid, std::optional<uid_t> user,
                               const std::string& proc) {
    std::optional<pid_t> found;
    std::error_code ignored;
    for (const auto& entry : std::filesystem::directory_iterator(proc, ignored)) {
        const std::string name = entry.path().filename();
        const bool is_process = std::all_of(name.begin(), name.end(),
                                            [](unsigned char c) { return std::isdigit(c) != 0; });
        if (!is_process || (user && !is_of_user(entry.path(), *user))) continue;
        if (!is_of_uuid(entry.path(), uuid)) continue;
        if (found) return std::nullopt;
        found = static_cast<pid_t>(std::stol(name));
    }
    return found;
}

// The 22nd word; the second one, the program's name, may hold anything.
std::string start_of(pid_t pid) {
    std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
    const std::string text((std::istreambuf_iterator<char>(file)),
                           std::istreambuf_iterator<char>());
    const std::size_t name_end = text.rfind(')');
    if (name_end == std::string::npos) return "";
    std::istringstream words(text.substr(name_end + 1));
    std::string word;
    for (int i = 3; i <= 22; ++i) words >> word;
    return word;
}

std::optional<Owner> owner_of(pid_t pid) {
    struct stat status {};
    if (::stat(("/proc/" + std::to_string(pid)).c_str(), &status) != 0) return std::nullopt;
    return Owner{status.st_uid, status.st_gid};
}

}  // namespace ivshmemd::libvirt
