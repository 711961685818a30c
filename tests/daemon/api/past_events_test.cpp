#include "lib/time_of_day.h"
#include "tests/daemon/api/api_fixture.h"

// Subscribers that want to know what happened before.

namespace ivshmemd::test {
namespace {

class ApiPastEvents : public ApiFixture {
  protected:
    void happen(const std::string& detail, const std::string& vm = "a") {
        host_.events.publish({EventKind::vm_state, vm, {}, detail});
    }
    Client subscribe(json parameters) {
        Client client = connect();
        client.send(hotplug("Subscribe"), parameters, {{"more", true}});
        return client;
    }
    static std::string detail_of(const json& reply) {
        return reply["parameters"].value("detail", "none");
    }

    /// Among what the VMs have to say.
    static std::string next_of_mine(Client& client) {
        json reply = client.next();
        while (!reply.is_null() && !detail_of(reply).starts_with("my ")) reply = client.next();
        return reply.is_null() ? "nothing" : detail_of(reply);
    }

    const std::string long_ago_ = "2020-01-01T00:00:00Z";
};

TEST_F(ApiPastEvents, ComeFirstAndThenWhatHappens) {
    serve();
    happen("my first");
    happen("my second", "b");
    happen("my third");
    Client all = subscribe({{"since", long_ago_}});
    EXPECT_EQ(all.next()["parameters"]["ready"], true);
    for (const char* expected : {"my first", "my second", "my third"}) {
        EXPECT_EQ(next_of_mine(all), expected);
    }
    Client one = subscribe({{"since", long_ago_}, {"vm", "a"}});
    EXPECT_EQ(one.next()["parameters"]["ready"], true);
    EXPECT_EQ(next_of_mine(one), "my first");
    EXPECT_EQ(next_of_mine(one), "my third");
    happen("my fourth");
    EXPECT_EQ(next_of_mine(one), "my fourth");
    EXPECT_EQ(next_of_mine(all), "my fourth");
}

TEST_F(ApiPastEvents, AreToldWithTheTimeTheyHad) {
    serve(false);
    Client live = subscribe(json::object());
    ASSERT_EQ(live.next()["parameters"], json({{"ready", true}}));
    happen("first");
    const json event = live.next()["parameters"];
    Client later = subscribe({{"since", event["time"]}});
    EXPECT_FALSE(later.next()["parameters"].contains("forgottenBefore"));
    EXPECT_EQ(later.next()["parameters"], event);
}

TEST_F(ApiPastEvents, AreNotThoseOfBeforeTheDaemon) {
    serve(false);
    Client client = subscribe({{"since", long_ago_}});
    const json ready = client.next()["parameters"];
    const auto begun = parse_time_of_day(std::string(ready["forgottenBefore"]));
    ASSERT_TRUE(begun) << ready;
    EXPECT_LE(*begun, EventMemory::now());
    EXPECT_GT(*begun, EventMemory::now() - 600'000);
    Client ahead = subscribe({{"since", "2999-01-01T00:00:00Z"}});
    EXPECT_EQ(ahead.next()["parameters"], json({{"ready", true}}));
    happen("new");
    EXPECT_EQ(detail_of(ahead.next()), "new") << "what happens from now on is always told";
}

TEST_F(ApiPastEvents, AreAllToldHoweverManyThereAre) {
    serve(false);
    const std::string filler(1000, 'x');
    for (int i = 0; i < 1000; ++i) happen(std::to_string(i) + " " + filler);
    Client client = subscribe({{"since", long_ago_}});
    EXPECT_EQ(client.next()["parameters"]["ready"], true);
    for (int i = 0; i < 1000; ++i) {
        ASSERT_EQ(detail_of(client.next()).substr(0, std::to_string(i).size() + 1),
                  std::to_string(i) + " ");
    }
    happen("new");
    EXPECT_EQ(detail_of(client.next()), "new");
}

TEST_F(ApiPastEvents, AreOfATime) {
    serve(false);
    for (const char* since : {"now", "15m", "2026-02-30T00:00:00Z"}) {
        Client client = subscribe({{"since", since}});
        const json reply = client.next();
        EXPECT_EQ(reply["error"], "org.varlink.service.InvalidParameter") << since;
        EXPECT_EQ(reply["parameters"]["parameter"], "since");
    }
}

}  // namespace
}  // namespace ivshmemd::test
