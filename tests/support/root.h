#pragma once

#include <string>

namespace ivshmemd::test {

/// True where this is not root: the test is skipped then, or has failed where IVSHMEMD_REQUIRE_ROOT
/// is set, as it is in the CI, and is to return.
bool lacks_root(const std::string& why);

/// The same for a test that has met it: EPERM, for one.
void skip_without_root(const std::string& why);

}  // namespace ivshmemd::test
