#pragma once

#include <map>
#include <optional>
#include <string>

namespace ivshmemd::libvirt {

/// The VM name of a domain: its own where it is one, else with '_' for what a VM name may not have,
/// and cut where it is too long.
std::string vm_name_of(const std::string& domain);

/// Which domain has which VM name.
class DomainNames {
  public:
    /// The name of the domain that is known by this UUID; nothing while another one has it.
    std::optional<std::string> take(const std::string& uuid, const std::string& domain);
    void give_back(const std::string& uuid);
    /// The domain that has the name; empty when none has.
    std::string owner(const std::string& vm) const;

  private:
    struct Owner {
        std::string uuid;
        std::string domain;
    };
    std::map<std::string, Owner> owners_;  // by VM name
};

}  // namespace ivshmemd::libvirt
