#include "lib/role.h"

namespace ivshmemd {

std::string_view role_name(Role role) {
    switch (role) {
        case Role::peer:
            return "peer";
        case Role::master:
            return "master";
        case Role::automatic:
            return "auto";
    }
    return "";
}

Result<Role> parse_role(std::string_view word) {
    if (word == "peer") return Role::peer;
    if (word == "master") return Role::master;
    std::string message = word == "auto" ? "role auto leaves the choice to QEMU and is not accepted"
                                         : "unknown role '" + std::string(word) + "'";
    return Error(ErrorKind::invalid_parameter, message + "; use master or peer",
                 {{"parameter", std::string("role")}});
}

std::string_view master_property(Role role) {
    switch (role) {
        case Role::peer:
            return "off";
        case Role::master:
            return "on";
        case Role::automatic:
            return "auto";
    }
    return "";
}

std::optional<Role> role_from_master_property(std::string_view value) {
    if (value == "off") return Role::peer;
    if (value == "on") return Role::master;
    if (value == "auto") return Role::automatic;
    return std::nullopt;
}

}  // namespace ivshmemd
