#include "tests/soak/soak.h"

#include <chrono>
#include <cstdio>
#include <deque>
#include <functional>
#include <thread>

#include "tests/soak/world.h"

namespace ivshmemd::soak {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int steps_of_a_round = 20;
constexpr int rounds_between_clearings = 5;
constexpr std::uint64_t kills_between_clearings = 10;
constexpr std::size_t cycles_at_a_time = 10;
constexpr std::size_t longest_moment = 30'000;  // us, from a call to what befalls it
constexpr std::size_t longest_trail = 60;
constexpr std::size_t names = 4;  // of devices of each kind on a machine

struct Account {
    std::map<std::string, int> operations;  // by method and outcome
    std::map<std::string, int> faults;
    int checks = 0;
    std::deque<std::string> trail;                           // the last of what was done
    std::vector<std::pair<std::size_t, std::size_t>> sizes;  // files and KiB, with nothing attached
};

void note(Account& account, const std::string& what) {
    account.trail.push_back(what);
    if (account.trail.size() > longest_trail) account.trail.pop_front();
}

void count(Account& account, const std::string& what, const json& reply) {
    const std::string error = reply.is_object() ? reply.value("error", "") : "cut off";
    const std::size_t dot = error.rfind('.');
    const std::string outcome = error.empty() ? "" : ": " + error.substr(dot + 1);
    ++account.operations[what + outcome];
}

void count(Account& account, const std::pair<std::string, json>& call, const json& reply) {
    count(account, call.first, reply);
    const std::string error = reply.is_object() ? reply.value("error", "") : "cut off";
    if (call.first == "Attach" || call.first == "Detach") {
        note(account, call.first + " " + call.second.dump() + " " + error);
    }
}

std::pair<std::string, json> any_call(World& world) {
    const std::string& vm = world.any_vm();
    const std::size_t number = world.below(names);
    switch (world.below(8)) {
        case 0:
        case 1:
            return {"Attach", world.attach_request(vm, number, false)};
        case 2:
            return {"Attach", world.attach_request(vm, number, true)};
        case 3:
        case 4: {
            const std::string kind = world.below(2) == 0 ? "mem" : "bell";
            return {"Detach",
                    {{"vm", vm},
                     {"name", kind + std::to_string(number)},
                     {"timeoutMs", 0},
                     {"removeRegion", number == 1}}};
        }
        case 5:
            return {"ListRegions", json::object()};
        case 6:
            return {"CheckMigration", {{"vm", vm}}};
        default:
            return {"Diagnose", json::object()};
    }
}

void operate(World& world, Account& account) {
    std::vector<std::pair<std::string, json>> calls;
    for (std::size_t i = world.below(4) + 1; i > 0; --i) calls.push_back(any_call(world));
    const std::vector<json> replies = world.call_together(calls);
    for (std::size_t i = 0; i < calls.size(); ++i) count(account, calls[i], replies[i]);
}

void harm(World& world, Account& account) {
    const std::string vm = world.any_vm();
    const std::vector<std::pair<const char*, std::function<void()>>> faults{
        {"machine reset", [&] { world.reset(vm); }},
        {"machine killed", [&] { world.kill_vm(vm); }},
        {"machine stopped for a while", [&] { world.stop_vm_for_a_moment(vm); }},
        {"daemon killed", [&] { world.kill_daemon(); }},
        {"daemon stopped for a while", [&] { world.stop_daemon_for_a_moment(); }},
        {"doorbell server killed", [&] { world.kill_server(); }},
        {"peers that come and go", [&] { world.storm(); }},
    };
    const auto& [name, what] = faults[world.below(faults.size())];
    note(account, std::string(name) + ", " + vm);
    what();
    ++account.faults[name];
}

// What is under way when something ends is carried out or undone, and no half of it is left.
std::string kill_amidst(World& world, Account& account, std::uint64_t number) {
    std::vector<std::pair<std::string, json>> calls;
    for (std::size_t i = world.below(3) + 1; i > 0; --i) calls.push_back(any_call(world));
    const auto after_a_moment = [&] {
        std::this_thread::sleep_for(std::chrono::microseconds(world.below(longest_moment)));
        harm(world, account);
    };
    const std::vector<json> replies = world.call_together(calls, after_a_moment);
    for (std::size_t i = 0; i < calls.size(); ++i) count(account, calls[i], replies[i]);
    ++account.checks;
    const std::string wrong = world.check();
    if (!wrong.empty() || number % kills_between_clearings != 0) return wrong;
    world.clear();
    account.sizes.emplace_back(world.daemon_files(), world.daemon_kib());
    return world.check_clear();
}

void migrate_one(World& world, Account& account) {
    const std::string error = world.migrate(world.any_vm());
    ++account.operations["Migrate" + (error.empty() ? "" : ": " + error)];
}

// Every round ends in a look, every few in an empty host.
std::string round(World& world, Account& account, int number) {
    for (int i = 0; i < steps_of_a_round; ++i) {
        if (world.below(4) == 0) {
            harm(world, account);
        } else {
            operate(world, account);
        }
        const std::string dead = world.dead();
        if (!dead.empty()) return dead;
    }
    ++account.checks;
    const std::string wrong = world.check();
    if (!wrong.empty() || number % rounds_between_clearings != 0) return wrong;
    world.clear();
    migrate_one(world, account);
    account.sizes.emplace_back(world.daemon_files(), world.daemon_kib());
    return world.check_clear();
}

// As many at a time as a q35 here has ports for; slots rest two seconds before they are used again.
std::string cycles(World& world, Account& account) {
    std::vector<std::pair<std::string, json>> calls;
    for (const char* vm : {"pc0", "q350"}) {
        for (std::size_t i = 0; i < cycles_at_a_time; ++i) {
            json request = world.attach_request(vm, i, false);
            request["region"] = std::string(vm) + "-" + std::to_string(i);
            calls.emplace_back("Attach", std::move(request));
        }
    }
    for (const json& reply : world.call_together(calls)) {
        count(account, "Attach", reply);
        if (!reply.is_object() || reply.contains("error")) return reply.dump();
    }
    world.clear();
    return "";
}

void print(const Account& account, const Plan& plan, Clock::duration took) {
    std::printf(
        "seed %llu, %lld s, %d checks\n", static_cast<unsigned long long>(plan.seed),
        static_cast<long long>(std::chrono::duration_cast<std::chrono::seconds>(took).count()),
        account.checks);
    for (const auto& [what, times] : account.operations)
        std::printf("  %7d %s\n", times, what.c_str());
    for (const auto& [what, times] : account.faults) std::printf("  %7d %s\n", times, what.c_str());
    if (account.sizes.empty()) return;
    const auto& [first_files, first_kib] = account.sizes.front();
    const auto& [last_files, last_kib] = account.sizes.back();
    std::printf(
        "the daemon with nothing attached: %zu files and %zu KiB at first, %zu and %zu at last\n",
        first_files, first_kib, last_files, last_kib);
}

}  // namespace

int run(const Plan& plan) {
    World world(plan.seed);
    Account account;
    const Clock::time_point begin = Clock::now();
    const Clock::time_point end = begin + std::chrono::minutes(plan.minutes);
    std::string wrong;
    try {
        if (plan.cycles > 0) {
            for (std::uint64_t i = 0; i < plan.cycles && wrong.empty(); i += cycles_at_a_time) {
                wrong = cycles(world, account);
                if (i % (20 * cycles_at_a_time) != cycles_at_a_time) continue;
                ++account.checks;
                account.sizes.emplace_back(world.daemon_files(), world.daemon_kib());
                if (wrong.empty()) wrong = world.check_clear();
            }
        } else if (plan.kills > 0) {
            for (std::uint64_t i = 1; i <= plan.kills && wrong.empty(); ++i) {
                wrong = kill_amidst(world, account, i);
            }
        } else {
            for (int number = 1; Clock::now() < end && wrong.empty(); ++number) {
                wrong = round(world, account, number);
            }
        }
    } catch (const std::exception& error) {
        wrong = error.what();
    }
    print(account, plan, Clock::now() - begin);
    if (!wrong.empty()) {
        for (const std::string& each : account.trail) std::printf("    %s\n", each.c_str());
        std::printf("%s\nNOT AS IT SHOULD BE: %s\n", world.daemon_log().c_str(), wrong.c_str());
    }
    return wrong.empty() ? 0 : 1;
}

}  // namespace ivshmemd::soak
