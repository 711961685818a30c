#include <array>
#include <functional>
#include <thread>

#include "tests/bench/bench.h"
#include "tests/bench/crowd.h"
#include "tests/bench/fake_herd.h"

namespace ivshmemd::bench {
namespace {

constexpr std::size_t sharers = 32;
constexpr int shared_rounds = 50;
constexpr int fake_rounds = 200;
constexpr int shared_warm_up = 2;  // rounds
constexpr auto shared_pause = std::chrono::milliseconds(50);
// Slots rest for 2 s: each group of fakes has its turn once in a while.
constexpr std::size_t groups = 20;

struct Costs {
    Cost each, many, reference;
};

void measure_real(Report& report) {
    CrowdPair world(sharers, {{}});
    Costs costs{Cost({world.daemon()}), Cost({world.daemon()}), Cost()};
    Costs unused;
    for (int i = -shared_warm_up; i < shared_rounds; ++i) {
        Costs& taken = i < 0 ? unused : costs;
        const std::array<std::function<void()>, 3> ways{
            [&] {
                taken.each.measure([&] { world.attach_each(); });
                world.detach();
            },
            [&] {
                taken.many.measure([&] { world.attach_many(); });
                world.detach();
            },
            [&] {
                world.prepare_by_hand();
                taken.reference.measure([&] { world.attach_by_hand(); });
                world.detach_by_hand();
            }};
        for (std::size_t way = 0; way < ways.size(); ++way) {
            std::this_thread::sleep_for(shared_pause);
            ways[(way + static_cast<std::size_t>(i + shared_warm_up)) % ways.size()]();
        }
    }
    const std::string reference = "by hand to all at once from one program";
    report.add({.name = "one region into 32 VMs by a request for each",
                .ours = costs.each,
                .reference = reference,
                .beside = costs.reference,
                .goal = Goal{Judged::ratio, 1.2}});
    report.add({.name = "one region into 32 VMs by one transaction",
                .ours = costs.many,
                .reference = reference,
                .beside = costs.reference,
                .goal = Goal{Judged::ratio, 1.2}});
}

void measure_fake(Report& report) {
    FakeHerd herd(groups * sharers);
    const std::vector<pid_t> daemon{herd.daemon()};
    Costs costs{Cost(daemon), Cost(daemon), Cost(daemon)};
    for (int i = 0; i < fake_rounds; ++i) {
        const std::size_t begin = static_cast<std::size_t>(i) % groups * sharers;
        const std::size_t one = begin + static_cast<std::size_t>(i) / groups % sharers;
        costs.reference.measure([&] { herd.attach_each(one, 1); });
        herd.detach(one, 1);
        costs.each.measure([&] { herd.attach_each(begin, sharers); });
        herd.detach(begin, sharers);
        costs.many.measure([&] { herd.attach_many(begin, sharers); });
        herd.detach(begin, sharers);
    }
    report.add({.name = "32 fake VMs by a request for each",
                .ours = costs.each,
                .reference = "one of them",
                .beside = costs.reference,
                .goal = Goal{Judged::ratio, 4}});
    report.add({.name = "32 fake VMs by one transaction",
                .ours = costs.many,
                .reference = "one of them",
                .beside = costs.reference,
                .goal = Goal{Judged::ratio, 4}});
}

}  // namespace

void measure_shared(Report& report, const Options&) {
    measure_real(report);
    measure_fake(report);
}

}  // namespace ivshmemd::bench
