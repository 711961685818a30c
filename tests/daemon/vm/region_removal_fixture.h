#pragma once

#include <gmock/gmock.h>

#include <filesystem>

#include "daemon/state/regions.h"
#include "daemon/vm/region_removal.h"
#include "tests/daemon/vm/operation_fixture.h"
#include "tests/support/unix_socket.h"

namespace ivshmemd::test {

/// VM "a" makes a region "x", and VM "b" may use it.
class RegionRemovalFixture : public OperationFixture {
  protected:
    /// A region that this daemon made for a device of "a", which has left again.
    void make_region(const std::string& name = "x") {
        ASSERT_TRUE(attach_now(request(name)));
        ASSERT_TRUE(detach_now(leave(name)));
    }
    /// Why it stays; empty once it is gone.
    std::string remove(const std::string& name = "x") {
        const RegionIdentity file = *created_region(*host_.store, region_path(name));
        RegionRemoval removal{region_path(name), file, "", Milliseconds(0)};
        return loop_.run(remove_made_region(vm(), removal)).value_or("");
    }
    void expect_kept(const std::string& why) {
        EXPECT_THAT(remove(), testing::HasSubstr(why));
        EXPECT_TRUE(region_exists("x"));
        EXPECT_EQ(host_.store->get().regions.size(), 1u) << "it stays on record";
    }
    void expect_removed() {
        EXPECT_EQ(remove(), "");
        EXPECT_FALSE(region_exists("x"));
        EXPECT_TRUE(host_.store->get().regions.empty());
    }
    Running<Attached> start_attach_in_b(Role role = Role::peer) {
        DeviceRequest wanted = request("y");
        wanted.region = "x";
        wanted.role = role;
        return start_attach(wanted, "b");
    }
    /// Both VMs are there; what a device "y" of "b" has to do with region "x" is said later.
    void start_both() {
        other_.listen(socket("b"));
        start();
        ASSERT_TRUE(wait_state(VmState::connected, "b"));
    }
    /// From now on only hurry() makes the daemon connect again.
    void lose_b() {
        host_.deadlines.backoff_min = host_.deadlines.backoff_max = Milliseconds(60000);
        other_.qemu().disconnect();
        ASSERT_TRUE(wait_state(VmState::unreachable, "b"));
    }
};

}  // namespace ivshmemd::test
