#include "daemon/relay/kept.h"

#include <systemd/sd-daemon.h>

#include <cstdlib>
#include <string_view>

namespace ivshmemd {
namespace {

constexpr std::string_view qemu_prefix = "relay-qemu.";
constexpr std::string_view server_prefix = "relay-server.";

std::string name_of(std::string_view prefix, const RelayKey& key) {
    return std::string(prefix) + key.second + "." + key.first;
}

}  // namespace

std::string kept_qemu_end(const RelayKey& key) {
    return name_of(qemu_prefix, key);
}

std::string kept_server_end(const RelayKey& key) {
    return name_of(server_prefix, key);
}

std::optional<RelayKey> relay_of_kept(const std::string& name) {
    if (!name.starts_with(qemu_prefix)) return std::nullopt;
    const std::string rest = name.substr(qemu_prefix.size());
    const std::size_t dot = rest.find('.');  // a device's name has none
    if (dot == std::string::npos) return std::nullopt;
    return RelayKey{rest.substr(dot + 1), rest.substr(0, dot)};
}

std::string keep_notice(const std::string& name) {
    return "FDSTORE=1\nFDNAME=" + name;
}

std::string discard_notice(const std::string& name) {
    return "FDSTOREREMOVE=1\nFDNAME=" + name;
}

std::map<std::string, UniqueFd> take_kept_relays() {
    std::map<std::string, UniqueFd> kept;
    char** names = nullptr;
    const int count = ::sd_listen_fds_with_names(0, &names);
    for (int i = 0; i < count; ++i) {
        const std::string name = names[i];
        std::free(names[i]);
        if (!name.starts_with(qemu_prefix) && !name.starts_with(server_prefix)) continue;
        kept[name] = UniqueFd(SD_LISTEN_FDS_START + i);
    }
    std::free(names);
    return kept;
}

}  // namespace ivshmemd
