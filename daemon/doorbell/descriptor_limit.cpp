#include "daemon/doorbell/descriptor_limit.h"

#include <algorithm>
#include <string>

namespace ivshmemd::doorbell {
namespace {

// Standard streams, the listener, the memory, the event loop, a client that is being refused, and
// some for libraries.
constexpr std::uint64_t own_descriptors = 32;

// More would not make anything faster; with fewer than the least, the kernel does as it likes.
constexpr std::uint64_t most_unread = 256;
constexpr std::uint64_t least_unread = 8;

}  // namespace

Result<unsigned> decide_peers(std::optional<unsigned> requested, unsigned vectors,
                              std::uint64_t descriptor_limit) {
    const std::uint64_t each = std::uint64_t{1} + vectors;
    const std::uint64_t available =
        descriptor_limit > own_descriptors ? descriptor_limit - own_descriptors : 0;
    const auto fit = static_cast<unsigned>(std::min<std::uint64_t>(available / each, most_peers));
    if (!requested && fit > 0) return std::min(default_peers, fit);
    if (requested && *requested <= fit) return *requested;
    const std::string wanted = std::to_string(requested.value_or(1));
    return Error(ErrorKind::config_unsupported,
                 wanted + " peers with " + std::to_string(vectors) + " vectors need " +
                     std::to_string(requested.value_or(1) * each + own_descriptors) +
                     " open files, and the limit is " + std::to_string(descriptor_limit) +
                     "; raise it (LimitNOFILE= in the unit, ulimit -Hn), or ask for at most " +
                     std::to_string(fit) + " peers");
}

unsigned decide_unread(unsigned peers, std::uint64_t descriptor_limit) {
    // Half of what there is: other programs of this user pass descriptors as well.
    return static_cast<unsigned>(
        std::clamp(descriptor_limit / 2 / peers, least_unread, most_unread));
}

}  // namespace ivshmemd::doorbell
