#include "lib/change.h"

#include <algorithm>

namespace ivshmemd {

bool came_by(const ChangeRecord& record, const std::string& coming,
             const std::optional<Device>& now) {
    if (!now || now->origin != Origin::managed) return false;
    const DeviceSpec there = spec_to_repeat(*now);
    return std::none_of(record.leaving.begin(), record.leaving.end(), [&](const DeviceSpec& each) {
        return each.name == coming && each == there;
    });
}

bool has_to_return(const DeviceSpec& before, const std::optional<Device>& now) {
    return !now || now->state != DeviceState::attached || spec_to_repeat(*now) != before;
}

}  // namespace ivshmemd
