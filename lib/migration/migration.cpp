#include "lib/migration/migration.h"

#include <algorithm>
#include <array>
#include <iterator>

#include "lib/migration/behind_bridge.h"
#include "lib/names.h"
#include "lib/run_state.h"

namespace ivshmemd {
namespace {

constexpr std::array ended_statuses{"", "none", "completed", "failed", "cancelled"};

// The text QEMU has for every peer, whatever its model and id.
constexpr std::string_view peer_mode = "'peer mode' in device 'ivshmem'";

template <class List>
bool contains(const List& list, std::string_view word) {
    return std::find(list.begin(), list.end(), word) != list.end();
}

std::string advice(const Device& device) {
    if (device.state == DeviceState::detaching) {
        return "it is being detached; wait until the guest lets it go";
    }
    if (!device.fixed.empty()) return device.fixed;
    if (device.origin == Origin::managed) return "detach it first, or migrate with detach-peers";
    return "it is not ours: detach it by its QOM path " + device.qom_path + " first";
}

Reason judge_device(const Device& device) {
    std::string text = std::string(qom_type(device.spec.model)) + " in slot " +
                       std::to_string(device.spec.slot) + " of " + device.spec.bus + " has role ";
    if (device.spec.role == Role::peer) {
        text += "peer";
    } else {
        text += "auto, which counts as peer because it has a server";
    }
    text += ": QEMU refuses migration, savevm and internal snapshots alike; " + advice(device);
    return {Severity::blocks, ReasonSource::ivshmemd, device.spec.name, std::move(text)};
}

bool is_ours_to_take_out(const Device& device) {
    return device.origin == Origin::managed && device.fixed.empty() && blocks_migration(device);
}

bool is_ours_to_take_out(const Reason& reason, const std::vector<Device>& devices) {
    if (reason.source == ReasonSource::qemu) {
        const auto is_peer = [](const Device& device) { return is_ours_to_take_out(device); };
        return reason.text.find(peer_mode) != std::string::npos &&
               std::any_of(devices.begin(), devices.end(), is_peer);
    }
    return reason.device && std::any_of(devices.begin(), devices.end(), [&](const Device& device) {
               return is_ours_to_take_out(device) && device.spec.name == *reason.device;
           });
}

Error bad_uri(std::string_view uri) {
    return Error(
        ErrorKind::invalid_parameter,
        "'" + printable(uri, 80) + "' is no destination; there are tcp:HOST:PORT and unix:PATH",
        {{"parameter", std::string("uri")}});
}

Error bad_path(std::string_view path, const std::string& why) {
    return Error(ErrorKind::invalid_parameter,
                 "'" + printable(path, 80) + "' cannot be where a socket is: " + why,
                 {{"parameter", std::string("uri")}});
}

// QEMU would find out when the peers are out.
Result<ListenAddress> read_socket_path(std::string_view path) {
    constexpr std::size_t longest = 107;  // what the kernel has room for
    if (!path.starts_with('/')) {
        return bad_path(path, "begin it with /, for QEMU runs in a directory of its own");
    }
    if (path.size() > longest) return bad_path(path, "a socket's path has 107 bytes at most");
    return ListenAddress{std::string(path), "", ""};
}

bool has_control_byte(std::string_view text) {
    return std::any_of(text.begin(), text.end(), [](char byte) {
        return static_cast<unsigned char>(byte) < ' ' || byte == '\x7f';
    });
}

bool is_port(std::string_view text) {
    if (text.empty() || text.size() > 5) return false;
    int port = 0;
    for (const char digit : text) {
        if (digit < '0' || digit > '9') return false;
        port = port * 10 + (digit - '0');
    }
    return port >= 1 && port <= 65535;
}

// This host, by whatever name.
bool is_loopback(std::string_view host) {
    return host.empty() || host == "localhost" || host == "::1" || host == "[::1]" ||
           host.starts_with("127.");
}

}  // namespace

bool is_ended(std::string_view status) {
    return contains(ended_statuses, status);
}

bool is_migrating(std::string_view status, std::string_view run_state) {
    if (run_state == "inmigrate" && status == "setup") return false;
    return !is_ended(status);
}

bool MigrationVerdict::allowed() const {
    return std::none_of(reasons.begin(), reasons.end(),
                        [](const Reason& reason) { return reason.severity == Severity::blocks; });
}

MigrationVerdict judge_migration(const std::vector<Device>& devices, const MigrationFacts& facts,
                                 std::string_view run_state,
                                 const std::vector<RegionSharer>& sharers,
                                 const Capabilities& qemu) {
    MigrationVerdict verdict;
    std::vector<Reason>& reasons = verdict.reasons;
    for (const Device& device : devices) {
        const bool exists = device.state != DeviceState::leaked;
        if (exists && blocks_migration(device)) reasons.push_back(judge_device(device));
    }
    // The role makes no difference.
    if (const auto why = objection(Operation::migrate, run_state, Role::peer)) {
        reasons.push_back(
            {Severity::blocks, ReasonSource::ivshmemd, std::nullopt, "the VM " + *why});
    }
    std::ranges::move(judge_settings(devices, facts.settings), std::back_inserter(reasons));
    for (const std::string& words : facts.blocked) {
        const Reason reason{Severity::blocks, ReasonSource::qemu, std::nullopt,
                            printable(words, 1000)};
        if (std::find(reasons.begin(), reasons.end(), reason) == reasons.end()) {
            reasons.push_back(reason);
        }
    }
    std::ranges::move(judge_manager(devices, qemu), std::back_inserter(reasons));
    std::ranges::move(judge_masters(devices, run_state, qemu), std::back_inserter(reasons));
    for (const RegionSharer& sharer : sharers) {
        reasons.push_back({Severity::warns, ReasonSource::ivshmemd, sharer.master,
                           sharer.user + " still uses region " + sharer.region +
                               ", which would split: the content moves, and this host keeps a "
                               "copy of its own"});
    }
    return verdict;
}

std::vector<Reason> remaining_reasons(const MigrationVerdict& verdict,
                                      const std::vector<Device>& devices,
                                      const MigrationWishes& wishes) {
    std::vector<Reason> remaining;
    for (const Reason& reason : verdict.reasons) {
        const bool overridden = reason.severity == Severity::warns
                                    ? wishes.force
                                    : wishes.detach_peers && is_ours_to_take_out(reason, devices);
        if (!overridden) remaining.push_back(reason);
    }
    return remaining;
}

Error migration_blocked(const std::string& vm, const MigrationVerdict& verdict,
                        const std::vector<Reason>& remaining) {
    std::string message = "VM " + vm + " does not migrate:";
    const char* separator = " ";
    for (const Reason& reason : remaining) {
        message += separator;
        if (reason.device) message += *reason.device + ": ";
        if (reason.source == ReasonSource::qemu) message += "QEMU says: ";
        message += reason.text;
        if (reason.severity == Severity::warns) message += " (force overrides this)";
        separator = "; ";
    }
    return Error(ErrorKind::migration_blocked, std::move(message), {{"reasons", verdict.reasons}});
}

Result<ListenAddress> parse_migration_uri(std::string_view uri) {
    constexpr std::string_view tcp = "tcp:";
    constexpr std::string_view local = "unix:";
    if (has_control_byte(uri)) return bad_uri(uri);
    if (uri.starts_with(local) && uri.size() > local.size()) {
        return read_socket_path(uri.substr(local.size()));
    }
    const std::size_t colon = uri.rfind(':');
    if (!uri.starts_with(tcp) || colon < tcp.size() || colon == std::string_view::npos) {
        return bad_uri(uri);
    }
    const std::string_view port = uri.substr(colon + 1);
    if (!is_port(port)) return bad_uri(uri);
    return ListenAddress{"", std::string(uri.substr(tcp.size(), colon - tcp.size())),
                         std::string(port)};
}

bool reaches(const ListenAddress& target, const ListenAddress& listener, bool same_vm) {
    if (!target.path.empty()) return target.path == listener.path;
    return !target.port.empty() && target.port == listener.port &&
           (same_vm || is_loopback(target.host));
}

}  // namespace ivshmemd
