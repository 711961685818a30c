#include <stdexcept>
#include <thread>

#include "tests/bench/bench.h"
#include "tests/bench/machine_pair.h"

namespace ivshmemd::bench {
namespace {

constexpr int attach_rounds = 200;
constexpr int rounds_at_length = 2000;
constexpr int fewer_rounds = 100;
constexpr int detach_every = 4;  // of the rounds
constexpr auto guest_pause = std::chrono::milliseconds(40);

// What comes second is measured beside a guest that is busy with the first: so in turns, and after
// a pause.
template <class One, class Other>
void in_turns(int round, const One& one, const Other& other) {
    std::this_thread::sleep_for(guest_pause);
    round % 2 == 0 ? one() : other();
    std::this_thread::sleep_for(guest_pause);
    round % 2 == 0 ? other() : one();
}

void measure_api(Report& report, MachinePair& machines, int count) {
    Cost attach({machines.daemon()}), by_hand, detach({machines.daemon()}), detach_by_hand;
    for (int i = 0; i < count; ++i) {
        in_turns(
            i, [&] { attach.measure([&] { machines.attach(); }); },
            [&] { by_hand.measure([&] { machines.attach_by_hand(); }); });
        if (i % detach_every != 0) {
            machines.detach_both();
            continue;
        }
        in_turns(
            i / detach_every, [&] { detach.measure([&] { machines.detach(); }); },
            [&] { detach_by_hand.measure([&] { machines.detach_by_hand(); }); });
    }
    const std::string reference = "the same commands by hand";
    report.add({.name = "attach over the API",
                .ours = attach,
                .reference = reference,
                .beside = by_hand,
                .goal = Goal{Judged::ratio, 1.10}});
    report.add({.name = "attach over the API, 99th percentile",
                .ours = attach,
                .reference = reference,
                .beside = by_hand,
                .goal = Goal{Judged::ratio_p99, 1.25}});
    report.add({.name = "detach over the API, most of it the guest's",
                .ours = detach,
                .reference = reference,
                .beside = detach_by_hand});
}

void measure_ctl(Report& report, MachinePair& machines) {
    Cost ctl({machines.daemon()}), nothing, by_hand;
    for (int i = 0; i < fewer_rounds; ++i) {
        in_turns(
            i, [&] { ctl.measure([&] { machines.attach_by_ctl(); }); },
            [&] { by_hand.measure([&] { machines.attach_by_hand(); }); });
        nothing.measure([] { test::run({.argv = {"/bin/true"}}); });
        machines.detach_both();
    }
    report.add({.name = "ivshmemctl attach, less /bin/true",
                .ours = ctl.less(nothing),
                .reference = "the same commands by hand",
                .beside = by_hand,
                .goal = Goal{Judged::ratio, 1.5}});
}

void measure_blind(Report& report, MachinePair& machines) {
    Cost blindly, by_hand;
    for (int i = 0; i < fewer_rounds; ++i) {
        std::this_thread::sleep_for(guest_pause);
        (i % 2 == 0 ? blindly : by_hand).measure([&] {
            i % 2 == 0 ? machines.attach_blindly() : machines.attach_by_hand();
        });
        machines.detach_by_hand();
    }
    report.add({.name = "by hand in one write, looking at nothing",
                .ours = blindly,
                .reference = "the same commands by hand",
                .beside = by_hand});
}

}  // namespace

void measure_hotplug(Report& report, const Options& options) {
    MachinePair machines;
    measure_api(report, machines, options.at_length ? rounds_at_length : attach_rounds);
    measure_ctl(report, machines);
    measure_blind(report, machines);
}

}  // namespace ivshmemd::bench
