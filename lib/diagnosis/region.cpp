#include <sys/stat.h>

#include <algorithm>

#include "lib/diagnosis/parts.h"
#include "lib/run_state.h"
#include "lib/shell_word.h"
#include "lib/size.h"

namespace ivshmemd {
namespace {

using Kind = FindingKind;
using enum FindingSeverity;

constexpr mode_t permission_bits = 07777;

std::string listed(const std::vector<std::string>& words) {
    std::string text;
    for (const std::string& word : words) text += (text.empty() ? "" : ", ") + word;
    return text;
}

// While a VM migrates from here to here, both ends have the same masters.
bool is_master(const VmFacts& vm, const Device& device) {
    return !is_between_hosts(vm.run_state) && !blocks_migration(device);
}

std::string detach_command(const VmFacts& vm, const Device& device) {
    if (!device.fixed.empty()) return "VM " + vm.name + ", " + device.fixed;
    const bool ours = device.origin == Origin::managed;
    const std::string target =
        ours ? shell_word(device.spec.name) : "--qom-path " + shell_word(device.qom_path);
    return "ivshmemctl detach " + shell_word(vm.name) + " " + target;
}

/// A device that maps the region as far as anybody knows.
struct SizedUser {
    std::string name;  // "web/shm0"
    std::string vm;
    std::uint64_t size = 0;  // bytes
    bool master = false;
    std::string detach;  // the command
};

class RegionDiagnosis {
  public:
    RegionDiagnosis(const Region& region, const HostFacts& host, std::vector<Finding>& findings)
        : region_(region), host_(host), findings_(findings) {
        for (const VmFacts& vm : host.vms) add_users(vm);
    }

    void judge_owner() {
        const uid_t owner = region_.facts.owner;
        const std::vector<std::string> endangered = untrusting_vms();
        const std::string who = path_ + " belongs to user " + std::to_string(owner);
        const std::string take = "chown " + host_.daemon_user + " " + word_;
        if (!endangered.empty()) {
            add(Kind::region_owner, problem,
                who + ", who could truncate it and kill " + listed(endangered),
                take + ", or list " + std::to_string(owner) + " in [trust] users of ivshmemd.toml");
        } else if (region_.created_by_us && owner != host_.daemon) {
            add(Kind::region_owner, warning,
                who + " and no longer to " + host_.daemon_user +
                    ", who therefore cannot let the users of other QEMUs in",
                take);
        }
    }

    void judge_mode() {
        const mode_t mode = region_.facts.mode & permission_bits;
        const std::string has = path_ + " has mode " + mode_digits(mode);
        const std::string mend = "chmod " + mode_digits(region_mode) + " " + word_;
        if ((mode & S_IWOTH) != 0) {
            add(Kind::region_mode, problem,
                has + ": every user of the host can write to it, or truncate it and kill its VMs",
                mend);
        } else if (region_.created_by_us && (mode & region_mode) != region_mode) {
            add(Kind::region_mode, problem,
                has + ", which keeps QEMUs from opening it the next time", mend);
        } else if (region_.created_by_us && mode != region_mode) {
            add(Kind::region_mode, warning, has + " and was made with " + mode_digits(region_mode),
                mend);
        }
    }

    void judge_size() {
        const std::uint64_t size = region_.facts.size;
        const auto largest =
            std::max_element(users_.begin(), users_.end(),
                             [](const auto& a, const auto& b) { return a.size < b.size; });
        if (largest == users_.end()) return;
        const std::string has = path_ + " has " + format_size(size);
        const std::string wanted = std::to_string(largest->size);
        if (size < largest->size) {
            add(Kind::region_size, problem,
                has + ", and " + largest->name + " maps " + format_size(largest->size) +
                    ": a touch of what is missing kills the VM",
                "fallocate -l " + wanted + " " + word_);
        } else if (size > largest->size) {
            add(Kind::region_size, warning,
                has + ", and its devices map no more than " + format_size(largest->size) +
                    ": further ones of that size are refused",
                "truncate -s " + wanted + " " + word_ +
                    ", if no program of the host maps more of it");
        } else {
            judge_smaller_users();
        }
    }

    void judge_use() {
        if (!region_.created_by_us || !region_.users.empty()) return;
        if (host_.awaited.contains(path_)) return;
        std::string text = path_ + " was made by ivshmemd, and no device uses it";
        const std::vector<std::string> silent = silent_vms();
        if (!silent.empty()) text += ", unless one of these VMs does, which do not answer: ";
        add(Kind::region_unused, note, text + listed(silent),
            "rm " + word_ + ", if no program of the host needs it");
    }

    void judge_masters() {
        std::vector<std::string> masters;
        std::vector<std::string> commands;
        for (const SizedUser& user : users_) {
            if (!user.master) continue;
            masters.push_back(user.name);
            commands.push_back("'" + user.detach + "'");
        }
        if (masters.size() < 2) return;
        add(Kind::two_masters, problem,
            path_ + " has more than one master: " + listed(masters) +
                "; each would take its content along in a migration, and what arrives last "
                "overwrites the other's",
            "detach all but one of them, then attach these as peers: " + listed(commands));
    }

  private:
    void add(Kind kind, FindingSeverity severity, std::string text, std::string mend) {
        findings_.push_back({kind, severity, std::nullopt, std::nullopt, region_name(path_),
                             std::move(text), std::move(mend)});
    }

    void add_users(const VmFacts& vm) {
        for (const RegionUser& user : region_.users) {
            if (user.vm != vm.name) continue;
            for (const DeviceFacts& each : vm.devices) {
                const bool apart =
                    each.mapping == Mapping::replaced || each.mapping == Mapping::elsewhere;
                if (each.device.spec.name != user.device || apart) continue;
                if (each.device.state == DeviceState::leaked) continue;
                users_.push_back({user.vm + "/" + user.device, user.vm, each.device.spec.size,
                                  is_master(vm, each.device), detach_command(vm, each.device)});
            }
        }
    }

    std::vector<std::string> untrusting_vms() const {
        std::vector<std::string> names;
        for (const VmFacts& vm : host_.vms) {
            const RegionTrust trust{host_.daemon, vm.qemu_user, host_.trusted_users};
            const bool uses = std::any_of(users_.begin(), users_.end(), [&](const SizedUser& user) {
                return user.vm == vm.name;
            });
            if (uses && !trust.trusts(region_.facts.owner)) names.push_back("VM " + vm.name);
        }
        return names;
    }

    std::vector<std::string> silent_vms() const {
        std::vector<std::string> names;
        for (const VmFacts& vm : host_.vms) {
            if (vm.state != VmState::connected) names.push_back(vm.name);
        }
        return names;
    }

    void judge_smaller_users() {
        std::vector<std::string> smaller;
        for (const SizedUser& user : users_) {
            if (user.size < region_.facts.size) {
                smaller.push_back(user.name + " (" + format_size(user.size) + ")");
            }
        }
        if (smaller.empty()) return;
        add(Kind::region_size, warning,
            path_ + " has " + format_size(region_.facts.size) +
                ", of which these map the beginning alone: " + listed(smaller),
            "detach these and attach them again with --size " + format_size(region_.facts.size));
    }

    const Region& region_;
    const HostFacts& host_;
    std::vector<Finding>& findings_;
    const std::string& path_ = region_.path;
    std::string word_ = shell_word(path_);
    std::vector<SizedUser> users_;
};

}  // namespace

void diagnose_region(const Region& region, const HostFacts& facts, std::vector<Finding>& findings) {
    // Other managers may name a directory, in which QEMU makes a file, or a symbolic link.
    if (!S_ISREG(region.facts.mode)) return;
    RegionDiagnosis diagnosis(region, facts, findings);
    diagnosis.judge_owner();
    diagnosis.judge_mode();
    diagnosis.judge_size();
    diagnosis.judge_use();
    diagnosis.judge_masters();
}

}  // namespace ivshmemd
