#include "lib/diagnosis/confinement.h"

#include <algorithm>
#include <array>

#include "lib/names.h"
#include "lib/place.h"
#include "lib/region.h"
#include "lib/shell_word.h"

namespace ivshmemd {
namespace {

constexpr std::string_view libvirt_profile = "libvirt-";
constexpr const char* see_also = "Confinement in ivshmem(7)";

std::string_view without_line_end(std::string_view text) {
    const std::size_t end = text.find_first_of(std::string_view("\n\0", 2));
    return text.substr(0, end);
}

// "PROFILE (MODE)", as AppArmor has it; a profile in one of these modes refuses nothing.
Confinement read_profile(std::string_view label) {
    constexpr std::array<std::string_view, 2> idle{"complain", "unconfined"};
    const std::size_t at = label.rfind(" (");
    const std::string_view mode = label.substr(at + 2, label.size() - at - 3);
    if (std::find(idle.begin(), idle.end(), mode) != idle.end()) {
        return {Confinement::By::nothing, printable(label)};
    }
    return {Confinement::By::apparmor, printable(label.substr(0, at))};
}

// The third part of USER:ROLE:TYPE:LEVEL.
std::string type_of(std::string_view context) {
    const std::size_t role = context.find(':');
    const std::size_t type = context.find(':', role + 1);
    return std::string(context.substr(type + 1, context.find(':', type + 1) - type - 1));
}

// A path as AppArmor takes it in a rule.
std::string rule_word(const std::string& path) {
    return path.find_first_of(" \t") == std::string::npos ? path : '"' + path + '"';
}

std::string rule_of_profile(const DeniedOpen& denied) {
    const std::string& profile = denied.confinement.label;
    const std::string line = "'" + rule_word(denied.path) + " rw,'";
    std::string text = "AppArmor confines it by profile " + profile + ": put the line " + line;
    if (!profile.starts_with(libvirt_profile)) {
        return text + " into that profile, and load it anew with apparmor_parser -r";
    }
    return text +
           " into /etc/apparmor.d/local/abstractions/libvirt-qemu, then run apparmor_parser "
           "-r /etc/apparmor.d/libvirt/" +
           profile;
}

// What the policies of distributions let a type svirt_t open, and its like.
std::string rule_of_context(const DeniedOpen& denied) {
    const std::string text = "SELinux confines it as " + denied.confinement.label;
    if (!type_of(denied.confinement.label).starts_with("svirt_")) {
        return text + ": ausearch -m avc -ts recent shows what was refused; see " + see_also;
    }
    const std::string type = is_below(denied.path, "/dev/shm") ? "svirt_tmpfs_t" : "svirt_image_t";
    const std::string label = "chcon -t " + type + " " + shell_word(denied.path);
    if (!denied.passing) return text + ": label the file, " + label;
    return text + ": make the file before the attach and label it, " + label +
           ", or have all regions labelled; see " + see_also;
}

std::string rule_unknown(const DeniedOpen& denied) {
    const std::string whose = denied.pid ? " -p " + std::to_string(*denied.pid) : "";
    return "whether AppArmor or SELinux confines it cannot be seen from here (ps -o label" + whose +
           "); if so, that needs a rule: " + see_also;
}

std::string fault_of_file(const DeniedOpen& denied) {
    return denied.path + " is of user " + std::to_string(denied.owner) + ", mode " +
           mode_digits(denied.mode) + ", and lets user " + std::to_string(denied.user) +
           " in by none of its owner, ACL and mode for others";
}

// What the file system says, if anything is wrong there.
std::string by_owner(const DeniedOpen& denied) {
    const std::string user = std::to_string(denied.user);
    if (denied.runs_as && *denied.runs_as != denied.user) {
        const std::string whom = std::to_string(*denied.runs_as);
        return "QEMU runs as user " + whom + ", and regions let in user " + user +
               " for this VM: set user = " + whom + " in its table of ivshmemd.toml";
    }
    if (denied.admitted) return "";
    return fault_of_file(denied) + ": setfacl -m u:" + user + ":rw " + shell_word(denied.path) +
           ", unless a group does";
}

std::string by_label(const DeniedOpen& denied) {
    switch (denied.confinement.by) {
        case Confinement::By::apparmor:
            return rule_of_profile(denied);
        case Confinement::By::selinux:
            return rule_of_context(denied);
        case Confinement::By::unknown:
            return rule_unknown(denied);
        case Confinement::By::nothing:
            return "";
    }
    return "";
}

}  // namespace

Confinement read_confinement(std::string_view label) {
    label = without_line_end(label);
    if (label.empty()) return {};
    if (label == "unconfined") return {Confinement::By::nothing, std::string(label)};
    if (label.ends_with(')') && label.find(" (") != std::string_view::npos) {
        return read_profile(label);
    }
    if (std::count(label.begin(), label.end(), ':') < 2) return {};
    const bool is_free = type_of(label).starts_with("unconfined_");
    return {is_free ? Confinement::By::nothing : Confinement::By::selinux, printable(label)};
}

std::string advise(const DeniedOpen& denied) {
    const std::string owner = by_owner(denied);
    const std::string label = by_label(denied);
    if (!owner.empty() && !label.empty()) return owner + "; and " + label;
    if (!owner.empty() || !label.empty()) return owner + label;
    return "user " + std::to_string(denied.user) +
           ", whom QEMU runs as, may open the file, and "
           "neither AppArmor nor SELinux confines it: look at the directories above (namei -l " +
           shell_word(denied.path) + "), and at the unit or container that it runs in";
}

}  // namespace ivshmemd
