#include "lib/capabilities.h"

#include <gtest/gtest.h>

namespace ivshmemd {
namespace {

TEST(Capabilities, NameTheQuestionTheyCameFrom) {
    EXPECT_EQ(probe_method_name(ProbeMethod::qom_list_types), "qom-list-types");
    EXPECT_EQ(probe_method_name(ProbeMethod::device_list_properties), "device-list-properties");
}

}  // namespace
}  // namespace ivshmemd
