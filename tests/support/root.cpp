#include "tests/support/root.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>

namespace ivshmemd::test {

void skip_without_root(const std::string& why) {
    if (std::getenv("IVSHMEMD_REQUIRE_ROOT")) FAIL() << why;
    GTEST_SKIP() << why;
}

bool lacks_root(const std::string& why) {
    if (::geteuid() == 0) return false;
    skip_without_root(why);
    return true;
}

}  // namespace ivshmemd::test
