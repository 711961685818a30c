#include <gtest/gtest.h>

#include <chrono>
#include <cstdio>
#include <map>
#include <nlohmann/json.hpp>
#include <random>
#include <set>
#include <thread>

#include "tests/daemon/fake_pc.h"
#include "tests/e2e/machine_state.h"
#include "tests/soak/soak.h"
#include "tests/support/daemon_process.h"

namespace ivshmemd::soak {
namespace {

using nlohmann::json;
using namespace test;

constexpr std::uint64_t kills_between_clearings = 50;
constexpr unsigned longest_moment = 4000;  // us, from a call to the kill
constexpr unsigned names = 3;
constexpr const char* interface = "io.ivshmemd.Hotplug.";

Deadline long_deadline() {
    return Deadline::after(std::chrono::seconds(60));
}

/// Two machines whose guests let go at once, and a daemon that never ends of itself.
class FakeWorld {
  public:
    explicit FakeWorld(std::uint64_t seed) : random_(static_cast<unsigned>(seed)) {
        DaemonOptions options;
        for (const char* name : {"one", "two"}) {
            FakePc& pc = machines_
                             .try_emplace(name, std::string(name) == "one"
                                                    ? "11111111-0000-0000-0000-000000000000"
                                                    : "22222222-0000-0000-0000-000000000000")
                             .first->second;
            const std::filesystem::path monitor = dir_ / (std::string(name) + ".qmp");
            pc.listen(monitor);
            options.vms.emplace_back(name, monitor);
        }
        options.extra = {"--log-level", "error"};
        daemon_.emplace(options);
        settle();
        files_ = files().size();
    }

    /// Calls, and kills the daemon a moment later. What was called.
    std::string kill_amidst() {
        const std::string vm = below(2) == 0 ? "one" : "two";
        const std::string name = "x" + std::to_string(below(names));
        json parameters{{"vm", vm}, {"name", name}};
        const std::string method = below(2) == 0 ? "Attach" : "Detach";
        if (method == "Attach") {
            parameters["size"] = 1 << 20;
            parameters["region"] = below(2) == 0 ? "shared" : vm + "." + name;
        } else {
            parameters["removeRegion"] = true;
        }
        VarlinkClient client(daemon_->socket());
        client.send(interface + method, parameters);
        std::this_thread::sleep_for(std::chrono::microseconds(below(longest_moment)));
        daemon_->kill();
        daemon_->start();
        settle();
        return method;
    }

    /// In words what is not as it should be.
    std::string check() {
        std::string wrong;
        eventually(long_deadline(), [&] {
            wrong = difference();
            return wrong.empty();
        });
        return wrong;
    }

    std::string clear() {
        for (const json& device : devices()) {
            const json reply = call(
                "Detach", {{"vm", device["vm"]}, {"name", device["name"]}, {"removeRegion", true}});
            if (reply.contains("error")) return reply.dump();
            const json& result = reply["parameters"];
            if (result.contains("regionKept")) std::printf("%s\n", result.dump().c_str());
        }
        std::string wrong = check();
        if (!wrong.empty()) return wrong;
        for (auto& [name, pc] : machines_) {
            const json held(pc.holdings());
            for (const auto& [kind, things] : held.items()) {
                if (!things.empty()) return name + " still has " + held.dump();
            }
        }
        eventually(long_deadline(), [&] { return files().size() <= files_; });
        if (files().size() > files_) return "open are " + testing::PrintToString(files());
        return "";
    }

    std::size_t regions() const {
        const std::filesystem::directory_iterator all(daemon_->region_dir());
        return static_cast<std::size_t>(std::distance(begin(all), end(all)));
    }

  private:
    unsigned below(unsigned limit) { return static_cast<unsigned>(random_() % limit); }
    std::multiset<std::string> files() { return open_descriptors(daemon_->process().pid()); }

    json call(const std::string& method, const json& parameters) {
        return daemon_->varlink(method, parameters, long_deadline());
    }
    std::vector<json> devices() {
        return call("ListDevices", json::object())["parameters"]["devices"]
            .get<std::vector<json>>();
    }
    void settle() {
        for (const auto& [name, pc] : machines_) {
            if (daemon_->wait_vm_state(name, "connected", long_deadline())) continue;
            throw std::runtime_error(name + " is not connected");
        }
    }

    std::string difference() {
        std::map<std::string, std::set<std::string>> shown;
        for (const json& device : devices()) {
            if (device["state"] != "attached") return "unfinished: " + device.dump();
            shown[device["vm"]].insert("ivshmemd." + device["name"].get<std::string>());
        }
        for (auto& [name, pc] : machines_) {
            if (!pc.failure().empty()) return name + ": " + pc.failure();
            const json held(pc.holdings());
            std::set<std::string> there, wanted;
            for (const auto& [id, device] : held["devices"].items()) there.insert(id);
            if (there != shown[name]) {
                return name + " has " + json(there).dump() + ", shown is " +
                       json(shown[name]).dump();
            }
            std::set<std::string> backends;
            for (const auto& [id, backend] : held["backends"].items()) backends.insert(id);
            for (const std::string& id : there) wanted.insert(id + ".mem");
            if (backends != wanted) return name + " has the backends " + json(backends).dump();
        }
        return "";
    }

    std::minstd_rand random_;
    TempDir dir_;
    std::map<std::string, FakePc> machines_;
    std::optional<DaemonProcess> daemon_;
    std::size_t files_ = 0;
};

}  // namespace

int run_fake_kills(const Plan& plan) {
    const auto begin = std::chrono::steady_clock::now();
    std::map<std::string, int> operations;
    std::string wrong;
    std::uint64_t kills = 0;
    try {
        FakeWorld world(plan.seed);
        while (kills < plan.fake_kills && wrong.empty()) {
            ++operations[world.kill_amidst()];
            wrong = world.check();
            if (wrong.empty() && ++kills % kills_between_clearings == 0) wrong = world.clear();
        }
        std::printf("%zu regions are left\n", world.regions());
    } catch (const std::exception& error) {
        wrong = error.what();
    }
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
    std::printf("seed %llu, %.0f s, %llu kills of the daemon\n",
                static_cast<unsigned long long>(plan.seed), took.count(),
                static_cast<unsigned long long>(kills));
    for (const auto& [what, times] : operations) std::printf("  %7d %s\n", times, what.c_str());
    if (!wrong.empty()) std::printf("NOT AS IT SHOULD BE: %s\n", wrong.c_str());
    return wrong.empty() ? 0 : 1;
}

}  // namespace ivshmemd::soak
