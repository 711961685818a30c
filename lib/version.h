#pragma once

#include <compare>
#include <string>

namespace ivshmemd {

/// A QEMU release. Command dialects are chosen by comparing it, e.g. version >= Version{5, 2, 0}.
struct Version {
    int major = 0;
    int minor = 0;
    int micro = 0;

    auto operator<=>(const Version&) const = default;
};

/// "7.2.22"
inline std::string to_string(const Version& version) {
    std::string text = std::to_string(version.major);
    text.append(".").append(std::to_string(version.minor));
    return text.append(".").append(std::to_string(version.micro));
}

}  // namespace ivshmemd
