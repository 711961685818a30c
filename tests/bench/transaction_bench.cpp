#include <thread>

#include "tests/bench/bench.h"
#include "tests/bench/crowd.h"

namespace ivshmemd::bench {
namespace {

constexpr std::size_t dozen = 12;
constexpr int transaction_rounds = 50;
constexpr int transaction_warm_up = 4;  // rounds
// A slot rests for 2 s after a device has left it; there are enough for all rounds in
// that time.
constexpr int root_ports = 16;
constexpr auto transaction_pause = std::chrono::milliseconds(100);

}  // namespace

void measure_transactions(Report& report, const Options&) {
    CrowdPair world(dozen, {{}, {"q35", root_ports}});
    Cost transaction({world.daemon()}), by_hand;
    for (int i = -transaction_warm_up; i < transaction_rounds; ++i) {
        Cost unused;
        const auto ours = [&] {
            (i < 0 ? unused : transaction).measure([&] { world.attach_many(); });
        };
        const auto program = [&] {
            (i < 0 ? unused : by_hand).measure([&] { world.attach_by_hand(); });
        };
        world.prepare_by_hand();
        std::this_thread::sleep_for(transaction_pause);
        i % 2 == 0 ? ours() : program();
        std::this_thread::sleep_for(transaction_pause);
        i % 2 == 0 ? program() : ours();
        world.detach();
        world.detach_by_hand();
    }
    report.add({.name = "one device for 12 VMs of both kinds, all or none",
                .ours = transaction,
                .reference = "by hand to all at once from one program",
                .beside = by_hand,
                .goal = Goal{Judged::ratio, 1.3}});
}

}  // namespace ivshmemd::bench
