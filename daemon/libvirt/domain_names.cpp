#include "daemon/libvirt/domain_names.h"

#include <algorithm>

#include "lib/names.h"

namespace ivshmemd::libvirt {
namespace {

constexpr std::size_t longest_name = 63;

bool may_stay(char c) {
    return check_vm_name(std::string("x") + c).has_value();
}

}  // namespace

std::string vm_name_of(const std::string& domain) {
    if (check_vm_name(domain)) return domain;
    std::string name = domain;
    std::replace_if(
        name.begin(), name.end(), [](char c) { return !may_stay(c); }, '_');
    if (!check_vm_name(name.substr(0, 1))) name.insert(0, "vm");
    return name.substr(0, longest_name);
}

std::optional<std::string> DomainNames::take(const std::string& uuid, const std::string& domain) {
    const std::string name = vm_name_of(domain);
    const auto [place, is_new] = owners_.emplace(name, Owner{uuid, domain});
    if (!is_new && place->second.uuid != uuid) return std::nullopt;
    return name;
}

void DomainNames::give_back(const std::string& uuid) {
    std::erase_if(owners_, [&](const auto& entry) { return entry.second.uuid == uuid; });
}

std::string DomainNames::owner(const std::string& vm) const {
    const auto place = owners_.find(vm);
    return place == owners_.end() ? std::string() : place->second.domain;
}

}  // namespace ivshmemd::libvirt
