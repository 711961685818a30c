#include "proto/varlink/names.h"

#include <gtest/gtest.h>

namespace ivshmemd::varlink {
namespace {

TEST(VarlinkNames, AcceptsInterfaceNames) {
    for (const std::string_view name :
         {"io.ivshmemd.Hotplug", "org.varlink.service", "a.b", "a-b.c--d", "x.0.1z"}) {
        EXPECT_TRUE(is_interface_name(name)) << name;
    }
}

TEST(VarlinkNames, RefusesOtherInterfaceNames) {
    for (const std::string_view name : {"", "a", ".", "a.", ".a", "a..b", "0a.b", "-a.b", "a-.b",
                                        "a.-b", "a.b-", "a_b.c", "a.b c", "a.b\n", "\xc3\xa4.b"}) {
        EXPECT_FALSE(is_interface_name(name)) << name;
    }
}

TEST(VarlinkNames, WantsACapitalAtTheStartOfAMember) {
    EXPECT_TRUE(is_member_name("A"));
    EXPECT_TRUE(is_member_name("ListVms2"));
    for (const std::string_view name : {"", "a", "listVms", "2A", "List_Vms", "List-Vms", "A."}) {
        EXPECT_FALSE(is_member_name(name)) << name;
    }
}

TEST(VarlinkNames, AllowsSingleInnerUnderscoresInFields) {
    for (const std::string_view name : {"a", "A", "qomPath", "ivshmem_plain", "a_1", "a_b_c"}) {
        EXPECT_TRUE(is_field_name(name)) << name;
    }
    for (const std::string_view name : {"", "_", "_a", "a_", "a__b", "1a", "a-b", "a.b", "a b"}) {
        EXPECT_FALSE(is_field_name(name)) << name;
    }
}

}  // namespace
}  // namespace ivshmemd::varlink
