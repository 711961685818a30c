#include <sys/stat.h>

#include <algorithm>

#include "lib/diagnosis/parts.h"
#include "lib/diagnosis/sized_user.h"
#include "lib/shell_word.h"
#include "lib/size.h"

namespace ivshmemd {
namespace {

using Kind = FindingKind;
using enum FindingSeverity;

std::string listed(const std::vector<std::string>& words) {
    std::string text;
    for (const std::string& word : words) text += (text.empty() ? "" : ", ") + word;
    return text;
}

class RegionDiagnosis {
  public:
    RegionDiagnosis(const Region& region, const HostFacts& host, std::vector<Finding>& findings)
        : region_(region), host_(host), findings_(findings), users_(users_of(region, host)) {}

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
        const mode_t mode = region_.facts.mode & 07777u;
        const std::string has = path_ + " has mode " + mode_digits(mode);
        const mode_t made = region_.made_mode;
        const std::string mend = "chmod " + mode_digits(made) + " " + word_;
        if ((mode & S_IWOTH) != 0) {
            add(Kind::region_mode, problem,
                has + ": every user of the host can write to it, or truncate it and kill its VMs",
                mend);
        } else if (region_.created_by_us && (mode & made) != made) {
            add(Kind::region_mode, problem,
                has + ", which keeps QEMUs from opening it the next time", mend);
        } else if (region_.created_by_us && mode != made) {
            add(Kind::region_mode, warning, has + " and was made with " + mode_digits(made), mend);
        }
    }

    void judge_size() {
        const auto last =
            std::max_element(users_.begin(), users_.end(),
                             [](const auto& a, const auto& b) { return a.end() < b.end(); });
        if (last == users_.end()) return;
        const std::uint64_t size = region_.facts.size;
        const std::string has = path_ + " has " + format_size(size);
        if (size < last->end()) {
            add(Kind::region_size, problem,
                has + ", and " + last->name + " maps it up to " + format_size(last->end()) +
                    ": a touch of what is missing kills the VM",
                enlarge(last->end()));
        } else if (!is_divided() && size > last->end()) {
            add(Kind::region_size, warning,
                has + ", and its devices map no more than " + format_size(last->end()) +
                    ": further ones of that size are refused",
                with_that_size());
        } else if (!is_divided()) {
            judge_smaller_users();
        }
    }

    // What is written to for the first time takes memory then, and kills when there is none.
    void judge_reservation() {
        const std::uint64_t reserved = region_.reserved.value_or(region_.facts.size);
        if (users_.empty() || reserved >= region_.facts.size) return;
        add(Kind::region_sparse, warning,
            path_ + " has " + format_size(region_.facts.size) + ", of which " +
                format_size(region_.facts.size - reserved) +
                " are not reserved: a guest that touches them is killed when the host has no "
                "memory left for them",
            enlarge(region_.facts.size) + ", which keeps what is in it");
    }

    void judge_use() {
        if (!region_.created_by_us || !region_.users.empty()) return;
        if (host_.awaited.contains(path_)) return;
        std::string text = path_ + " was made by ivshmemd, and no device uses it";
        const std::vector<std::string> silent = silent_vms();
        if (!silent.empty() && region_.open != false) {
            text += ", unless one of these VMs does, which do not answer: " + listed(silent);
        }
        if (region_.open.value_or(false)) text += "; some process has it open";
        std::string mend =
            "use it with the next attach; or, where no program of the host needs "
            "what is in it: ivshmemctl region remove " +
            shell_word(region_.name) + ", which is refused while it is open";
        add(Kind::region_unused, note, text, std::move(mend));
    }

    void judge_masters() {
        std::vector<std::string> masters;
        std::vector<std::string> commands;
        for (const SizedUser& user : users_) {
            if (!user.master || !has_rival(user)) continue;
            masters.push_back(user.name);
            commands.push_back("'" + user.detach + "'");
        }
        if (masters.empty()) return;
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

    // Another master of the same bytes.
    bool has_rival(const SizedUser& master) const {
        return std::any_of(users_.begin(), users_.end(), [&](const SizedUser& user) {
            return user.master && user.name != master.name && may_share(user.memory, master.memory);
        });
    }

    // Whether parts of it are somebody's, or may be: then its size as a whole means nothing.
    bool is_divided() const {
        return !region_.other_memory.empty() ||
               std::any_of(users_.begin(), users_.end(),
                           [](const SizedUser& user) { return user.memory.offset != 0; });
    }

    // Only adds to the file; what is in it and who maps it are left alone.
    std::string enlarge(std::uint64_t size) const {
        return "fallocate -l " + std::to_string(size) + " " + word_;
    }

    // Never by making the file smaller: any process may map the rest of it.
    std::string with_that_size() const {
        const std::uint64_t size = region_.facts.size;
        if (!check_size(size, UINT64_MAX)) {
            return "leave the file as it is, and use another region: no device can have its size";
        }
        return "leave the file as it is; to have all of it, detach its devices and attach them "
               "with --size " +
               format_size(size);
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
    const std::vector<SizedUser> users_;
};

}  // namespace

void diagnose_region(const Region& region, const HostFacts& facts, std::vector<Finding>& findings) {
    // Other managers may name a directory, in which QEMU makes a file, or a symbolic link.
    if (!S_ISREG(region.facts.mode)) return;
    RegionDiagnosis diagnosis(region, facts, findings);
    diagnosis.judge_owner();
    diagnosis.judge_mode();
    diagnosis.judge_size();
    diagnosis.judge_reservation();
    diagnosis.judge_use();
    diagnosis.judge_masters();
}

}  // namespace ivshmemd
