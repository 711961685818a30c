#include <nlohmann/json.hpp>

#include "proto/api/migration_values.h"
#include "proto/json.h"
#include "tests/fuzz/input.h"

namespace ivshmemd::test {

/// A plan's devices are refused, or can be plugged back as they were written.
FUZZ_TARGET(plan_devices) {
    constexpr JsonLimits limits{
        .max_bytes = 65536, .max_depth = 32, .refuse_duplicates = true, .refuse_nul = true};
    const ParsedJson parsed = parse_json(input, limits);
    if (!parsed || !parsed.value->is_array()) return;
    const auto specs = api::read_specs(*parsed.value);
    if (!specs) {
        require(!specs.error().message.empty());
        return;
    }
    for (const DeviceSpec& spec : *specs) {
        const json spelled = api::spell_spec(spec);
        const auto again = api::read_spec(spelled);
        require(again && api::spell_spec(*again) == spelled);
    }
}

}  // namespace ivshmemd::test
