#include "lib/declared_devices.h"

#include <gtest/gtest.h>

namespace ivshmemd {
namespace {

constexpr std::uint64_t mebibyte = 1 << 20;
constexpr const char* this_run = "this";

DeviceRequest request(const std::string& name) {
    DeviceRequest request;
    request.name = name;
    request.size = mebibyte;
    return request;
}

DeviceRequest master(const std::string& name, const std::string& region) {
    DeviceRequest master = request(name);
    master.role = Role::master;
    master.region = region;
    return master;
}

DeviceRequest with_server(const std::string& name) {
    DeviceRequest request;
    request.name = name;
    request.server = "/run/bell";
    return request;
}

Result<void> add(Declarations& declarations, const std::string& vm, DeviceRequest request) {
    return add_declaration(declarations, vm, std::move(request), mebibyte);
}

TEST(Declarations, KeepTheOrderOfTheConfiguration) {
    Declarations declarations;
    ASSERT_TRUE(add(declarations, "a", request("y")));
    ASSERT_TRUE(add(declarations, "a", request("x")));
    ASSERT_TRUE(add(declarations, "b", request("x"))) << "another VM's";
    EXPECT_EQ(declarations["a"], (std::vector{request("y"), request("x")}));
    EXPECT_EQ(*find_declaration(declarations, "a", "x"), request("x"));
    EXPECT_EQ(find_declaration(declarations, "a", "z"), nullptr);
    EXPECT_EQ(find_declaration(declarations, "c", "x"), nullptr);
}

TEST(Declarations, TakeANameOncePerVm) {
    Declarations declarations;
    ASSERT_TRUE(add(declarations, "a", request("x")));
    const Result<void> again = add(declarations, "a", with_server("x"));
    ASSERT_FALSE(again);
    EXPECT_EQ(again.error().kind, ErrorKind::device_exists);
    EXPECT_EQ(declarations["a"].size(), 1u);
}

TEST(Declarations, TakeOneMasterOfARegionInAllVms) {
    Declarations declarations;
    ASSERT_TRUE(add(declarations, "a", master("x", "shared")));
    ASSERT_TRUE(add(declarations, "b", master("y", "other")));
    DeviceRequest peer = request("peer");
    peer.region = "shared";
    ASSERT_TRUE(add(declarations, "b", peer));
    for (const DeviceRequest& second : {master("z", "shared"), [] {
                                            DeviceRequest implied =
                                                request("shared");  // its region is called like it
                                            implied.role = Role::master;
                                            return implied;
                                        }()}) {
        const Result<void> added = add(declarations, "b", second);
        ASSERT_FALSE(added);
        EXPECT_EQ(added.error().kind, ErrorKind::master_exists);
        EXPECT_NE(added.error().message.find("region shared has a master already: a/x"),
                  std::string::npos)
            << added.error().message;
    }
}

TEST(Declarations, TakeOneMasterOfAServer) {
    Declarations declarations;
    DeviceRequest first = with_server("x");
    first.role = Role::master;
    ASSERT_TRUE(add(declarations, "a", first));
    ASSERT_TRUE(add(declarations, "b", master("y", "bell")));
    const Result<void> second = add(declarations, "b", first);
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().kind, ErrorKind::master_exists);
}

TEST(Declarations, RefuseWhatNoQemuCanMeet) {
    const auto refused = [](const auto& change) {
        DeviceRequest wanted = request("x");
        change(wanted);
        Declarations declarations;
        const Result<void> added = add(declarations, "a", wanted);
        return added ? ErrorKind::internal : added.error().kind;
    };
    const auto unsupported = ErrorKind::config_unsupported;
    EXPECT_EQ(refused([](DeviceRequest& each) { each.size = 3 << 10; }), ErrorKind::bad_size);
    EXPECT_EQ(refused([](DeviceRequest& each) { each.size = 2 * mebibyte; }), ErrorKind::bad_size)
        << "beyond the limit";
    EXPECT_EQ(refused([](DeviceRequest& each) { each.vectors = 2; }), unsupported);
    EXPECT_EQ(refused([](DeviceRequest& each) { each.model = Model::doorbell; }), unsupported);
    EXPECT_EQ(refused([](DeviceRequest& each) {
                  each.server = "/s";
                  each.model = Model::plain;
              }),
              unsupported);
    EXPECT_EQ(refused([](DeviceRequest& each) {
                  each.server = "/s";
                  each.msi = false;
              }),
              ErrorKind::internal)
        << "an old QEMU can";
}

DeclaredRecord record_of(std::optional<Model> model, DeclaredFate fate,
                         const std::string& run = this_run) {
    return {"a", "x", model, fate, run};
}

TEST(DeclaredRequest, KeepsTheModelThatTheDeviceHadFirst) {
    EXPECT_EQ(request_declared(request("x"), nullptr).model, std::nullopt);
    const DeclaredRecord pinned = record_of(Model::legacy, DeclaredFate::none, "earlier");
    EXPECT_EQ(request_declared(request("x"), &pinned).model, Model::legacy);
    EXPECT_EQ(request_declared(with_server("x"), &pinned).model, Model::legacy);
    const DeclaredRecord nothing = record_of({}, DeclaredFate::away);
    EXPECT_EQ(request_declared(request("x"), &nothing).model, std::nullopt);
}

TEST(DeclaredRequest, TakesTheModelThatIsNamed) {
    const DeclaredRecord pinned = record_of(Model::legacy, DeclaredFate::none);
    DeviceRequest named = request("x");
    named.model = Model::plain;
    EXPECT_EQ(request_declared(named, &pinned), named);
}

TEST(DeclaredRequest, LetsGoOfAModelThatCannotBeWhatIsDeclared) {
    const DeclaredRecord plain = record_of(Model::plain, DeclaredFate::none);
    const DeclaredRecord doorbell = record_of(Model::doorbell, DeclaredFate::none);
    EXPECT_EQ(request_declared(with_server("x"), &plain).model, std::nullopt);
    EXPECT_EQ(request_declared(request("x"), &doorbell).model, std::nullopt);
}

enum class There { no, equal, other, leaving };

struct Case {
    bool declared;
    DeclaredFate fate;
    There there;
    DeclaredStep step;
};

std::optional<Device> device_of(There there) {
    if (there == There::no) return std::nullopt;
    Device device;
    device.spec = {"x", Model::plain, Role::peer, mebibyte, "x", {}, {}, {}, {}, "pci.0", 31};
    if (there == There::other) device.spec.role = Role::master;
    if (there == There::leaving) device.state = DeviceState::detaching;
    return device;
}

DeclaredStep step_of(const Case& each, const std::string& run = this_run) {
    const DeviceRequest declared = request("x");
    const DeclaredRecord record = record_of(Model::plain, each.fate, run);
    const std::optional<Device> present = device_of(each.there);
    return next_step(each.declared ? &declared : nullptr, &record, present ? &*present : nullptr,
                     this_run);
}

constexpr auto nobodys = DeclaredFate::none;
constexpr auto attached = DeclaredFate::attached;
constexpr auto away = DeclaredFate::away;

TEST(DeclaredStep, IsFoundForEachSituation) {
    const std::vector<Case> cases{
        {true, nobodys, There::no, DeclaredStep::attach},
        {true, nobodys, There::equal, DeclaredStep::none},
        {true, nobodys, There::other, DeclaredStep::attach},  // which says what is in the way
        {true, nobodys, There::leaving, DeclaredStep::wait},
        {true, attached, There::no, DeclaredStep::attach},
        {true, attached, There::equal, DeclaredStep::none},
        {true, attached, There::other, DeclaredStep::detach},
        {true, attached, There::leaving, DeclaredStep::wait},
        {true, away, There::no, DeclaredStep::none},
        {true, away, There::leaving, DeclaredStep::none},
        {true, away, There::equal, DeclaredStep::none},  // its guest refused
        {false, nobodys, There::no, DeclaredStep::none},
        {false, nobodys, There::equal, DeclaredStep::none},
        {false, nobodys, There::leaving, DeclaredStep::none},
        {false, attached, There::no, DeclaredStep::none},
        {false, attached, There::equal, DeclaredStep::detach},
        {false, attached, There::other, DeclaredStep::detach},
        {false, attached, There::leaving, DeclaredStep::wait},
        {false, away, There::no, DeclaredStep::none},
        {false, away, There::leaving, DeclaredStep::wait},
        {false, away, There::equal, DeclaredStep::detach},
    };
    for (const Case& each : cases) {
        EXPECT_EQ(step_of(each), each.step)
            << "declared " << each.declared << ", fate " << static_cast<int>(each.fate)
            << ", there " << static_cast<int>(each.there);
    }
}

TEST(DeclaredStep, ForgetsWhatAnEarlierQemuKnew) {
    EXPECT_EQ(step_of({true, away, There::no, {}}, "earlier"), DeclaredStep::attach);
    EXPECT_EQ(step_of({false, attached, There::equal, {}}, "earlier"), DeclaredStep::none)
        << "its command line may have brought it";
    EXPECT_EQ(step_of({true, attached, There::other, {}}, "earlier"), DeclaredStep::attach);
}

TEST(DeclaredStep, TakesAnotherModelThanThePinnedOneForAnotherDevice) {
    const DeviceRequest declared = request("x");
    const DeclaredRecord record = record_of(Model::legacy, attached);
    const std::optional<Device> present = device_of(There::equal);
    EXPECT_EQ(next_step(&declared, &record, &*present, this_run), DeclaredStep::detach);
    EXPECT_EQ(next_step(&declared, nullptr, &*present, this_run), DeclaredStep::none);
}

class DeclaredRecords : public ::testing::Test {
  protected:
    DeclaredRecords() {
        EXPECT_TRUE(add(declarations_, "a", request("x")));
        DeviceRequest named = request("named");
        named.model = Model::plain;
        EXPECT_TRUE(add(declarations_, "a", named));
    }

    std::vector<DeclaredRecord> follow(std::vector<DeclaredRecord> records) {
        follow_declarations(records, declarations_, {"a"});
        return records;
    }

    Declarations declarations_;
};

TEST_F(DeclaredRecords, StayAsLongAsTheDeclaration) {
    const std::vector<DeclaredRecord> records{
        {"a", "x", Model::legacy, away, this_run},
        {"a", "named", Model::plain, DeclaredFate::none, this_run},
    };
    EXPECT_EQ(follow(records), records);
}

TEST_F(DeclaredRecords, LoseTheModelWhenAnotherOneIsNamed) {
    const DeclaredRecord record{"a", "named", Model::legacy, attached, this_run};
    const auto after = follow({record});
    ASSERT_EQ(after.size(), 1u);
    EXPECT_EQ(after[0].model, std::nullopt);
    EXPECT_EQ(after[0].fate, attached);
}

TEST_F(DeclaredRecords, OfDevicesNoLongerDeclaredStayUntilThoseAreDetached) {
    const auto after = follow({{"a", "gone", Model::plain, attached, this_run},
                               {"a", "old", Model::plain, DeclaredFate::none, this_run},
                               {"a", "out", Model::plain, away, this_run},
                               {"b", "lost", Model::plain, attached, this_run}});
    EXPECT_EQ(after, (std::vector<DeclaredRecord>{{"a", "gone", {}, attached, this_run},
                                                  {"a", "out", {}, away, this_run}}))
        << "b is no longer looked after";
}

}  // namespace
}  // namespace ivshmemd
