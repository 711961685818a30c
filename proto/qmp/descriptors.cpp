#include "proto/qmp/descriptors.h"

#include <limits>
#include <nlohmann/json.hpp>

namespace ivshmemd::qmp {
namespace {

// Any number serves that no other client uses; QEMU itself counts from 0.
constexpr std::int64_t our_sets = 0x69767368;

std::int64_t fdset_of(HeldSet set) {
    return our_sets + static_cast<int>(set);
}

}  // namespace

bool is_held_set(std::int64_t number) {
    return number == fdset_of(HeldSet::probe) || number == fdset_of(HeldSet::spare);
}

Command hold_descriptor(HeldSet set) {
    return Command("add-fd", json({{"fdset-id", fdset_of(set)}}));
}

Command release_descriptors(HeldSet set) {
    return Command("remove-fd", json({{"fdset-id", fdset_of(set)}}));
}

Command release_descriptor(HeldSet set, int number) {
    return Command("remove-fd", json({{"fdset-id", fdset_of(set)}, {"fd", number}}));
}

bool releases_at_once(const Version& version, std::string_view run_state) {
    return version >= Version{9, 1, 0} || run_state == "running";
}

std::optional<int> read_descriptor(const json* reply) {
    const std::optional<std::int64_t> number = as_int(find(reply, "fd"));
    if (!number || *number < 0 || *number > std::numeric_limits<int>::max()) return std::nullopt;
    return static_cast<int>(*number);
}

}  // namespace ivshmemd::qmp
