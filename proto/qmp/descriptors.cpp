#include "proto/qmp/descriptors.h"

#include <limits>
#include <nlohmann/json.hpp>

namespace ivshmemd::qmp {
namespace {

// The set of descriptors that they are in. Any number serves that no other client uses; QEMU itself
// counts from 0.
constexpr std::int64_t our_set = 0x69767368;

}  // namespace

Command hold_descriptor() {
    return Command("add-fd", json({{"fdset-id", our_set}}));
}

Command release_descriptors() {
    return Command("remove-fd", json({{"fdset-id", our_set}}));
}

std::optional<int> read_descriptor(const json* reply) {
    const std::optional<std::int64_t> number = as_int(find(reply, "fd"));
    if (!number || *number < 0 || *number > std::numeric_limits<int>::max()) return std::nullopt;
    return static_cast<int>(*number);
}

}  // namespace ivshmemd::qmp
