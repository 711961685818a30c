#include "tests/daemon/daemon_fixture.h"

#include "tests/daemon/host_work.h"

#include <spdlog/spdlog.h>

#include "daemon/region/lease.h"

namespace ivshmemd::test {
namespace {

Config config_of(const std::filesystem::path& directory, const std::filesystem::path& regions) {
    Config config;
    config.region_dir = regions;
    config.state_dir = directory / "state";
    for (const char* name : {"a", "b"}) {
        config.vms.push_back({name, directory / (std::string(name) + ".qmp"), {}});
    }
    return config;
}

Deadlines short_deadlines() {
    Deadlines deadlines;
    deadlines.greeting = Milliseconds(150);
    deadlines.query = Milliseconds(2000);
    deadlines.add = Milliseconds(2000);
    deadlines.write = Milliseconds(500);
    deadlines.out_of_band = Milliseconds(100);
    deadlines.refresh = Milliseconds(100);
    deadlines.backoff_min = Milliseconds(10);
    deadlines.backoff_max = Milliseconds(50);
    deadlines.unplug_again = Milliseconds(200);
    deadlines.region_free = Milliseconds(120);
    deadlines.settle = Milliseconds(10);
    deadlines.mapped = Milliseconds(40);
    return deadlines;
}

}  // namespace

DaemonFixture::DaemonFixture()
    : host_(loop_.executor(), config_of(directory_.path(), regions_.path())),
      subscription_(
          host_.events.subscribe([this](const Event& event) { events_.push_back(event); })) {
    spdlog::set_level(spdlog::level::off);
    ignore_broken_leases();
    host_.deadlines = short_deadlines();
    host_.store =
        std::move(*StateStore::open(host_.config.state_dir, host_.worker, host_.executor));
}

void DaemonFixture::TearDown() {
    registry_.stop();
    pc_.release();
    other_.release();
    EXPECT_TRUE(loop_.run_out()) << "something outlived the registry";
    EXPECT_EQ(pc_.failure(), "");
    EXPECT_EQ(other_.failure(), "");
}

void DaemonFixture::listen() {
    if (!listening_) pc_.listen(socket("a"));
    listening_ = true;
}

std::string DaemonFixture::run_of_a() {
    listen();
    return run_of(socket("a"), ::getpid());
}

void DaemonFixture::start() {
    listen();
    registry_.start();
    ASSERT_TRUE(wait_state(VmState::connected));
}

bool DaemonFixture::wait_state(VmState state, const std::string& name) {
    return loop_.run_until([&] { return vm(name)->state() == state; });
}

bool DaemonFixture::wait_event(EventKind kind, const std::string& device) {
    return loop_.run_until([&] { return count_events(kind, device) > 0; });
}

void DaemonFixture::pass(Milliseconds time) {
    if (!loop_.owns_time()) {
        loop_.own_time([this] {
            const bool busy = is_working(host_);
            return !busy && pc_.is_idle() && other_.is_idle();
        });
    }
    loop_.pass(time);
}

std::size_t DaemonFixture::count_events(EventKind kind, const std::string& device) const {
    std::size_t count = 0;
    for (const Event& event : events_) {
        if (event.kind == kind && (device.empty() || event.device == device)) ++count;
    }
    return count;
}

std::string detail(const Error& error, const std::string& key) {
    for (const auto& [name, value] : error.details) {
        if (name != key) continue;
        if (const auto* word = std::get_if<std::string>(&value)) return *word;
        std::string words;
        if (const auto* reasons = std::get_if<std::vector<Reason>>(&value)) {
            for (const Reason& each : *reasons) words += each.text + "\n";
            return words;
        }
        for (const std::string& each : std::get<std::vector<std::string>>(value))
            words += each + " ";
        return words;
    }
    return "";
}

}  // namespace ivshmemd::test
