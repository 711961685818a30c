#pragma once

#include <vector>

#include "lib/place.h"

namespace ivshmemd {

/// The errno that this process meets when it uses the place; 0: none. Makes nothing there.
int error_at(const Place& place);

/// All places, each with what this process meets there.
std::vector<Place> look_at_places(const RegionPlaces& places);

}  // namespace ivshmemd
