#include "daemon/base/accounts.h"

#include <grp.h>
#include <pwd.h>

#include <charconv>

namespace ivshmemd {
namespace {

std::optional<unsigned> numeric_id(const std::string& text) {
    unsigned value = 0;
    const char* end = text.data() + text.size();
    const auto [rest, error] = std::from_chars(text.data(), end, value);
    if (error != std::errc{} || rest != end) return std::nullopt;
    return value;
}

}  // namespace

std::optional<uid_t> user_id(const std::string& name) {
    if (const passwd* entry = ::getpwnam(name.c_str())) return entry->pw_uid;
    return numeric_id(name);
}

std::optional<gid_t> group_id(const std::string& name) {
    if (const group* entry = ::getgrnam(name.c_str())) return entry->gr_gid;
    return numeric_id(name);
}

std::string user_name(uid_t uid) {
    const passwd* entry = ::getpwuid(uid);
    return entry ? entry->pw_name : std::to_string(uid);
}

}  // namespace ivshmemd
