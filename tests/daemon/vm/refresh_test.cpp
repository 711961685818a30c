#include "daemon/vm/refresh.h"

#include "tests/daemon/daemon_fixture.h"

namespace ivshmemd::test {
namespace {

class Refresh : public DaemonFixture {
  protected:
    std::set<std::string> names() {
        std::set<std::string> result;
        for (const Device& device : vm()->devices()) result.insert(device.spec.name);
        return result;
    }
};

// The first reading is over the list of devices already when another client adds one.
TEST_F(Refresh, ShowsWhatWasThereWhenItWasAskedFor) {
    pc_.put_backend("memory", {"/dev/shm/x", mebibyte, true});
    pc_.put_device("early", {.slot = 5, .backend = "memory"});
    start();
    const std::size_t asked = pc_.count("qom-get");
    pc_.hold("qom-get");
    const auto first = loop_.start(refresh_for_read(vm()));
    ASSERT_TRUE(loop_.run_until([&] { return pc_.count("qom-get") > asked; }));
    pc_.put_backend("more", {"/dev/shm/y", mebibyte, true});
    pc_.put_device("late", {.slot = 6, .backend = "more"});
    const auto second = loop_.start(refresh_for_read(vm()));
    loop_.run_ready();
    pc_.release();
    ASSERT_TRUE(loop_.run_until([&] { return second->done; }));
    EXPECT_TRUE(first->done);
    EXPECT_EQ(names(), (std::set<std::string>{"early", "late"}));
}

}  // namespace
}  // namespace ivshmemd::test
