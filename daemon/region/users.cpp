#include "daemon/region/users.h"

#include <algorithm>

#include "lib/uuid.h"

namespace ivshmemd {
namespace {

std::string spell(const RegionSource& vm, const MemoryUser& user) {
    return vm.name() + "/" + user.device;
}

std::string listed(const std::vector<std::string>& names) {
    std::string text;
    for (const std::string& name : names) text += (text.empty() ? "" : ", ") + name;
    return text;
}

bool is_master_of(const MemoryUser& user, const Mapping& memory) {
    return user.master && may_share(user.memory, memory);
}

// What cannot be told is left to the kernel here.
bool touches(const MemoryUser& user, const RegionIdentity& file) {
    return user.memory.kind == Mapping::Kind::file && user.memory.file == file;
}

// "VM/NAME" of a master in this VM; empty when it has none.
std::string master_in(const RegionSource& vm, const std::optional<MemoryUser>& coming,
                      const Mapping& memory, const std::set<std::string>& except) {
    for (const MemoryUser& user : vm.memory_users()) {
        const bool counts = is_master_of(user, memory) && !except.contains(spell(vm, user));
        if (counts) return spell(vm, user);
    }
    const bool counts =
        coming && is_master_of(*coming, memory) && !except.contains(spell(vm, *coming));
    return counts ? spell(vm, *coming) : "";
}

}  // namespace

std::string RegionUsers::Answer::in_words() const {
    if (!mapped.empty()) return "it is mapped by " + listed(mapped) + "; detach that first";
    if (!coming.empty()) return listed(coming) + " is just being attached to it";
    if (cannot_tell.empty()) return "";
    return "whether it is mapped cannot be told by VM " + listed(cannot_tell) +
           ", which cannot be asked now; see 'ivshmemctl vms'";
}

void RegionUsers::add(std::shared_ptr<const RegionSource> vm) {
    const std::string name = vm->name();
    vms_.insert_or_assign(name, std::move(vm));
}

RegionUsers::Answer RegionUsers::ask(const RegionIdentity& region,
                                     const std::string& failed) const {
    Answer answer;
    for (const auto& [name, vm] : vms_) {
        for (const MemoryUser& user : vm->memory_users()) {
            if (touches(user, region)) answer.mapped.push_back(spell(*vm, user));
        }
        const std::optional<MemoryUser> coming = coming_of(*vm);
        if (coming && touches(*coming, region) && spell(*vm, *coming) != failed) {
            answer.coming.push_back(spell(*vm, *coming));
        }
        if (vm->sight() == Sight::partial) answer.cannot_tell.push_back(name);
    }
    return answer;
}

std::optional<MemoryUser> RegionUsers::coming_of(const RegionSource& vm) const {
    const bool attaches = std::find(attaching_.begin(), attaching_.end(), &vm) != attaching_.end();
    return attaches ? vm.coming() : std::nullopt;
}

bool RegionUsers::is_coming(const RegionIdentity& region, const std::string& except) const {
    return std::any_of(attaching_.begin(), attaching_.end(), [&](const RegionSource* vm) {
        const std::optional<MemoryUser> coming = vm->coming();
        return coming && touches(*coming, region) && spell(*vm, *coming) != except;
    });
}

RegionUsers::ComingMark::ComingMark(RegionUsers& users, const RegionSource& vm)
    : users_(users), vm_(vm) {
    users_.attaching_.push_back(&vm_);
}

RegionUsers::ComingMark::~ComingMark() {
    users_.attaching_.erase(std::find(users_.attaching_.begin(), users_.attaching_.end(), &vm_));
}

std::string RegionUsers::find_master(const Mapping& memory, const std::string& uuid,
                                     const std::set<std::string>& except) const {
    for (const auto& [name, vm] : vms_) {
        const bool overwrites = vm->awaits_migration() && are_other_vms(vm->uuid(), uuid);
        if (vm->holds_for_migration() && !overwrites) continue;
        std::string master = master_in(*vm, coming_of(*vm), memory, except);
        if (!master.empty()) return master;
    }
    return "";
}

std::string RegionUsers::find_other_master(const Mapping& memory, const std::string& uuid,
                                           const std::set<std::string>& except) const {
    for (const auto& [name, vm] : vms_) {
        if (!are_other_vms(vm->uuid(), uuid)) continue;
        std::string master = master_in(*vm, coming_of(*vm), memory, except);
        if (!master.empty()) return master;
    }
    return "";
}

std::vector<std::string> RegionUsers::find_sharers(const Mapping& memory,
                                                   const std::string& except) const {
    std::vector<std::string> sharers;
    for (const auto& [name, vm] : vms_) {
        if (name == except || vm->holds_for_migration()) continue;
        for (const MemoryUser& user : vm->memory_users()) {
            if (may_share(user.memory, memory)) sharers.push_back(spell(*vm, user));
        }
    }
    return sharers;
}

RegionUsers::UnlinkingMark::~UnlinkingMark() {
    const auto found = std::find(users_.unlinking_.begin(), users_.unlinking_.end(), region_);
    users_.unlinking_.erase(found);
}

bool RegionUsers::is_unlinking(const RegionIdentity& region) const {
    return std::find(unlinking_.begin(), unlinking_.end(), region) != unlinking_.end();
}

}  // namespace ivshmemd
