#include "proto/state_records.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>

#include "tests/proto/left_out.h"

// Damaged entries of the state file, kind by kind.

namespace ivshmemd {
namespace {

TEST(StateRecords, LeaveOutADamagedRegion) {
    const std::string good = R"({"path":"/dev/shm/a","device":1,"inode":2})";
    const auto with = [&](const std::string& entry) {
        return left_out(R"({"version":1,"regions":[)" + good + "," + entry + R"(],"removals":[]})");
    };
    EXPECT_EQ(with(good), "");
    for (const char* entry :
         {"null", "1", "[]", "{}", R"({"device":1,"inode":2})", R"({"path":"/a","inode":2})",
          R"({"path":"/a","device":1})", R"({"path":1,"device":1,"inode":2})",
          R"({"path":"","device":1,"inode":2})", R"({"path":"a","device":1,"inode":2})",
          R"({"path":"../a","device":1,"inode":2})", R"({"path":"/a","device":-1,"inode":2})",
          R"({"path":"/a","device":1,"inode":2.0})", R"({"path":"/a","device":1,"inode":"2"})",
          R"({"path":"/a","device":1,"inode":18446744073709551616})"}) {
        EXPECT_EQ(with(entry), "1 region") << entry;
    }
    // No JSON that anybody has written.
    EXPECT_EQ(with(R"({"path":"/a","path":"/b","device":1,"inode":2})"), "refused");
    EXPECT_EQ(with(R"({"path":"/a\u0000","device":1,"inode":2})"), "refused");
}

TEST(StateRecords, KeepTheModeOfARegionBehindWhatThePackageReads) {
    CreatedRegion region{"/dev/shm/a", 1, 2};
    EXPECT_EQ(state_records::spell(region).dump(), R"({"device":1,"inode":2,"path":"/dev/shm/a"})");
    region.mode = 0640;
    EXPECT_EQ(state_records::spell(region).dump(),
              R"({"device":1,"inode":2,"path":"/dev/shm/a","permissions":416})");
    EXPECT_EQ(state_records::read_region(state_records::spell(region)), region);
}

TEST(StateRecords, SpellAProofWhateverItsTextsHold) {
    const ProofRecord proof{"web", "u\"\n", "12@3.4/5 \xc3\xa9", "ivshmemd.x.mem.0", 1, UINT64_MAX};
    std::string text;
    state_records::append(text, proof);
    EXPECT_EQ(state_records::read_proof(json::parse(text, nullptr, false)), proof) << text;
}

TEST(StateRecords, LeaveOutADamagedRemoval) {
    const auto with = [&](const std::string& entry) {
        return left_out(R"({"version":1,"regions":[],"removals":[)" + entry + "]}");
    };
    EXPECT_EQ(with(R"({"vm":"v","uuid":"u","device":"d","region":"r","removeRegion":true})"), "");
    for (const char* entry :
         {"null", "{}", R"({"uuid":"u","device":"d","region":"r","removeRegion":true})",
          R"({"vm":"v","device":"d","region":"r","removeRegion":true})",
          R"({"vm":"v","uuid":"u","region":"r","removeRegion":true})",
          R"({"vm":"v","uuid":"u","device":"d","region":"r"})",
          R"({"vm":"v","uuid":"u","device":"d","removeRegion":true})",
          R"({"vm":"v","uuid":"u","device":"d","region":"../r","removeRegion":true})",
          R"({"vm":"","uuid":"u","device":"d","region":"r","removeRegion":true})",
          R"({"vm":"../v","uuid":"u","device":"d","region":"r","removeRegion":true})",
          R"({"vm":"v","uuid":"u","device":"","region":"r","removeRegion":true})",
          R"({"vm":"v","uuid":1,"device":"d","region":"r","removeRegion":true})",
          R"({"vm":"v","uuid":"u","device":"d","region":"r","removeRegion":true,"run":1})",
          R"({"vm":"v","uuid":"u","device":"d","region":"r","removeRegion":1})"}) {
        EXPECT_EQ(with(entry), "1 removal") << entry;
    }
}

TEST(StateRecords, LeaveOutADamagedDeclaredDevice) {
    const auto with = [&](const std::string& entry) {
        return left_out(R"({"version":1,"regions":[],"removals":[],"declared":[)" + entry + "]}");
    };
    EXPECT_EQ(with(R"({"vm":"v","device":"d","run":"","fate":"away"})"), "");
    EXPECT_EQ(with(R"({"vm":"v","device":"d","run":"r","fate":"none","model":"ivshmem"})"), "");
    for (const char* entry :
         {"null", "{}", R"({"vm":"../v","device":"d","run":"","fate":"away"})",
          R"({"vm":"v","device":"","run":"","fate":"away"})",
          R"({"vm":"v","device":"d","fate":"away"})",
          R"({"vm":"v","device":"d","run":"","fate":"lost"})",
          R"({"vm":"v","device":"d","run":"","fate":"none","model":"ivshmem-flat"})",
          R"({"vm":"v","device":"d","run":"","fate":"none","model":1})"}) {
        EXPECT_EQ(with(entry), "1 declared device") << entry;
    }
}

TEST(StateRecords, LeaveOutADamagedDoorbell) {
    const auto with = [&](const std::string& entry) {
        return left_out(R"({"version":1,"regions":[],"removals":[],"doorbells":[)" + entry + "]}");
    };
    EXPECT_EQ(with(R"({"vm":"v","uuid":"","run":"","device":"d","top":2147483647})"), "");
    for (const char* entry :
         {"null", "{}", R"({"vm":"../v","uuid":"","run":"","device":"d","top":1})",
          R"({"vm":"v","run":"","device":"d","top":1})",
          R"({"vm":"v","uuid":"","device":"d","top":1})",
          R"({"vm":"v","uuid":"","run":"","device":"","top":1})",
          R"({"vm":"v","uuid":"","run":"","device":"d"})",
          R"({"vm":"v","uuid":"","run":"","device":"d","top":"1"})",
          R"({"vm":"v","uuid":"","run":"","device":"d","top":1.0})",
          R"({"vm":"v","uuid":"","run":"","device":"d","top":-1})",
          R"({"vm":"v","uuid":"","run":"","device":"d","top":2147483648})"}) {
        EXPECT_EQ(with(entry), "1 doorbell") << entry;
    }
}

}  // namespace
}  // namespace ivshmemd
