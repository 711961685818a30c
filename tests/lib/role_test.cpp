#include "lib/role.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ivshmemd {
namespace {

TEST(Role, IsAskedForAsMasterOrPeer) {
    EXPECT_EQ(*parse_role("master"), Role::master);
    EXPECT_EQ(*parse_role("peer"), Role::peer);
}

TEST(Role, IsNoOtherWordAndNeverLeftToQemu) {
    for (const std::string_view word :
         {"auto", "automatic", "", "Master", "PEER", "on", "off", "owner", "peer ", "mast"}) {
        const Result<Role> role = parse_role(word);
        ASSERT_FALSE(role) << word;
        EXPECT_EQ(role.error().kind, ErrorKind::invalid_parameter);
        ASSERT_EQ(role.error().details.size(), 1U);
        EXPECT_EQ(role.error().details[0], ErrorDetail("parameter", std::string("role")));
        EXPECT_THAT(role.error().message, testing::HasSubstr("master or peer"));
    }
}

TEST(Role, HasTheApisWordAndQemus) {
    EXPECT_EQ(role_name(Role::peer), "peer");
    EXPECT_EQ(role_name(Role::master), "master");
    EXPECT_EQ(role_name(Role::automatic), "auto");
    EXPECT_EQ(master_property(Role::peer), "off");
    EXPECT_EQ(master_property(Role::master), "on");
    EXPECT_EQ(master_property(Role::automatic), "auto");
}

TEST(Role, IsReadBackFromQemu) {
    for (const Role role : {Role::peer, Role::master, Role::automatic}) {
        EXPECT_EQ(role_from_master_property(master_property(role)), role);
    }
    for (const std::string_view value : {"", "true", "false", "On", "peer", "master"}) {
        EXPECT_FALSE(role_from_master_property(value)) << value;
    }
}

}  // namespace
}  // namespace ivshmemd
