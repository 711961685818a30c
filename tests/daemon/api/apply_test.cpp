#include "tests/daemon/api/api_fixture.h"

// Apply on the wire: what a topology makes of two VMs.

namespace ivshmemd::test {
namespace {

class ApiApply : public ApiFixture {
  protected:
    void SetUp() override {
        other_.listen(socket("b"));
        serve();
        ASSERT_TRUE(wait_state(VmState::connected, "b"));
    }
    static json device(const std::string& name, const json& vms) {
        return {{"name", name}, {"vms", vms}};
    }
    static json shared_frames() {
        return {{"region", {{{"name", "frames"}, {"size", "1M"}}}},
                {"device", {device("frames", {"a", "b"})}}};
    }
    json apply(const json& topology, const json& options = json::object()) {
        Client client = connect();
        json parameters{{"topology", topology}};
        parameters.update(options);
        return client.call(hotplug("Apply"), parameters);
    }
    /// "attach a/frames" for each change.
    static std::vector<std::string> changes(const json& reply) {
        std::vector<std::string> texts;
        EXPECT_FALSE(reply.contains("error")) << reply;
        for (const json& each : reply["parameters"]["changes"]) {
            texts.push_back(each["action"].get<std::string>() + " " +
                            each["vm"].get<std::string>() + "/" +
                            each["device"].get<std::string>());
        }
        return texts;
    }
    using Texts = std::vector<std::string>;
};

TEST_F(ApiApply, AttachesWhatIsDescribedAndThenChangesNothing) {
    const json first = apply(shared_frames());
    EXPECT_EQ(changes(first), (Texts{"attach a/frames", "attach b/frames"}));
    EXPECT_EQ(first["parameters"]["changed"], true);
    EXPECT_EQ(first["parameters"]["changes"][1]["becomes"]["state"], "attached");
    EXPECT_TRUE(pc_.has_device("ivshmemd.frames"));
    EXPECT_TRUE(other_.has_device("ivshmemd.frames"));
    const json again = apply(shared_frames());
    EXPECT_EQ(changes(again), (Texts{"keep a/frames", "keep b/frames"}));
    EXPECT_EQ(again["parameters"]["changed"], false);
    EXPECT_EQ(pc_.count("device_add"), 1u);
}

TEST_F(ApiApply, OnlyTellsOfADryRun) {
    const json reply = apply(shared_frames(), {{"dryRun", true}});
    EXPECT_EQ(changes(reply), (Texts{"attach a/frames", "attach b/frames"}));
    EXPECT_EQ(reply["parameters"]["changes"][0]["becomes"]["slot"], 30);
    EXPECT_EQ(pc_.count("object-add"), 0u);
}

TEST_F(ApiApply, ExchangesADeviceWhoseRoleChanges) {
    apply(shared_frames());
    json topology = shared_frames();
    topology["device"] = {device("frames", {"a"}), device("frames", {"b"})};
    topology["device"][1]["role"] = "master";
    const json reply = apply(topology);
    EXPECT_EQ(changes(reply), (Texts{"keep a/frames", "exchange b/frames"}));
    EXPECT_EQ(reply["parameters"]["changes"][1]["reason"], "role peer");
    EXPECT_EQ(other_.given("ivshmemd.frames")["master"], "on");
}

TEST_F(ApiApply, DetachesTheRestOnlyWhenAskedTo) {
    apply(shared_frames());
    json topology = shared_frames();
    topology["device"] = {device("frames", {"a"})};
    EXPECT_EQ(changes(apply(topology)), Texts{"keep a/frames"});
    EXPECT_TRUE(other_.has_device("ivshmemd.frames"));
    EXPECT_EQ(changes(apply(topology, {{"prune", true}})),
              (Texts{"keep a/frames", "detach b/frames"}));
    EXPECT_FALSE(other_.has_device("ivshmemd.frames"));
}

TEST_F(ApiApply, TellsOfAllFaultsOfFileAndMachines) {
    json topology{
        {"region", {{{"name", "frames"}, {"size", "1M"}}}},
        {"device",
         {device("frames", {"a", "nobody"}), device("new", {"a"}), device("x", {"a", "a"})}},
        {"mood", "bad"}};
    const json reply = apply(topology);
    EXPECT_EQ(reply["error"], hotplug("TransactionFailed"));
    std::set<std::string> faults;
    for (const json& each : reply["parameters"]["faults"]) {
        faults.insert(each.value("key", "") + " " + each["error"].get<std::string>());
    }
    EXPECT_EQ(faults, (std::set<std::string>{
                          "/mood InvalidParameter", "/device/2/vms/1 InvalidParameter",
                          "/device/0/vms/1 NoSuchVm", "/device/1 BadSize", "/device/2 BadSize"}))
        << reply;
    EXPECT_EQ(pc_.count("object-add"), 0u);
}

TEST_F(ApiApply, RefusesTwoMastersOfARegion) {
    json topology = shared_frames();
    topology["device"][0]["role"] = "master";
    const json reply = apply(topology);
    EXPECT_EQ(reply["parameters"]["error"], "MasterExists") << reply;
    EXPECT_EQ(reply["parameters"]["faults"][0]["key"], "/device/0");
}

TEST_F(ApiApply, MakesARegionWithTheModeThatIsDescribed) {
    json topology = shared_frames();
    topology["region"][0]["mode"] = "0664";
    EXPECT_EQ(changes(apply(topology, {{"dryRun", true}})),
              (Texts{"attach a/frames", "attach b/frames"}));
    EXPECT_EQ(changes(apply(topology)), (Texts{"attach a/frames", "attach b/frames"}));
    EXPECT_EQ(RegionFiles::inspect(region_path("frames")).mode & 07777U, mode_t{0664});
    EXPECT_EQ(host_.store->get().regions.at(0).mode, mode_t{0664});
    EXPECT_EQ(apply(topology)["parameters"]["changed"], false);

    topology["region"][0]["mode"] = "0660";
    const json other = apply(topology);
    EXPECT_EQ(other["parameters"]["error"], "RegionMismatch") << other;
    EXPECT_EQ(other["parameters"]["faults"].size(), 1u) << "of its region, once";
    EXPECT_NE(other["parameters"]["message"].get<std::string>().find("chmod it"),
              std::string::npos);
}

TEST_F(ApiApply, RefusesAModeThatWouldHarmAVm) {
    json topology = shared_frames();
    for (const char* mode : {"0666", "0460", "2660"}) {
        topology["region"][0]["mode"] = mode;
        const json reply = apply(topology);
        EXPECT_EQ(reply["parameters"]["error"], "ConfigUnsupported") << reply;
        EXPECT_EQ(reply["parameters"]["faults"][0]["key"], "/device/0");
    }
    EXPECT_FALSE(RegionFiles::inspect(region_path("frames")).exists);
}

TEST_F(ApiApply, UndoesAllWhenOneFails) {
    apply(shared_frames());
    other_.on("device_add", [](const json&) { return FakeQemu::error("GenericError", "no"); });
    json topology = shared_frames();
    topology["device"].push_back(device("more", {"a", "b"}));
    topology["device"][1]["size"] = mebibyte;
    const json reply = apply(topology);
    EXPECT_EQ(reply["parameters"]["error"], "QemuError") << reply;
    EXPECT_EQ(reply["parameters"]["undone"], true);
    EXPECT_EQ(reply["parameters"]["faults"][0]["key"], "/device/1");
    EXPECT_FALSE(pc_.has_device("ivshmemd.more"));
    EXPECT_FALSE(RegionFiles::inspect(region_path("more")).exists);
    EXPECT_TRUE(pc_.has_device("ivshmemd.frames"));
}

class ApiApplyLong : public ApiApply {
  protected:
    /// A call whose topology has a key of this length.
    static std::string call_of(std::size_t length) {
        const json topology{{std::string(length, 'x'), 1}};
        const json call{{"method", hotplug("Apply")}, {"parameters", {{"topology", topology}}}};
        return call.dump() + '\0';
    }
    /// Piece by piece, so that what the service does not take fits into the socket.
    void send(Client& client, const std::string& text) {
        constexpr std::size_t piece = 16 * 1024;
        for (std::size_t begin = 0; begin < text.size(); begin += piece) {
            client.send_raw(std::string_view(text).substr(begin, piece));
            loop_.run_ready();
        }
    }
};

TEST_F(ApiApplyLong, MayHaveFourMebibytes) {
    Client client = connect();
    send(client, call_of(std::size_t{4} * 1024 * 1024 - 200));
    EXPECT_EQ(client.next()["parameters"]["error"], "InvalidParameter");
}

TEST_F(ApiApplyLong, MayNotHaveMore) {
    Client client = connect();
    try {
        send(client, call_of(std::size_t{4} * 1024 * 1024));
    } catch (const std::exception&) {
        // closed in the middle
    }
    EXPECT_TRUE(client.is_closed());
}

TEST_F(ApiApplyLong, MayComeToFourOfAUserAtATime) {
    const std::string call = call_of(100 * 1024);
    std::vector<Client> clients;
    for (int i = 0; i < 4; ++i) {
        clients.push_back(connect());
        send(clients.back(), call.substr(0, 80 * 1024));
    }
    Client fifth = connect();
    EXPECT_THROW(send(fifth, call), std::exception);
    EXPECT_TRUE(fifth.is_closed());
    for (Client& client : clients) {
        send(client, call.substr(80 * 1024));
        EXPECT_EQ(client.next()["parameters"]["error"], "InvalidParameter");
    }
    Client later = connect();
    send(later, call);
    EXPECT_EQ(later.next()["parameters"]["error"], "InvalidParameter");
}

TEST_F(ApiApplyLong, MustSayFirstThatItIsOne) {
    Client client = connect();
    const std::string call = call_of(80 * 1024);
    const std::string late = "{\"parameters\"" + call.substr(call.find(":{\"topology"));
    try {
        send(client,
             late.substr(0, late.rfind('}')) + ",\"method\":\"" + hotplug("Apply") + "\"}" + '\0');
    } catch (const std::exception&) {
        // closed in the middle
    }
    EXPECT_TRUE(client.is_closed());
}

}  // namespace
}  // namespace ivshmemd::test
