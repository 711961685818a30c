#include "daemon/base/async.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <set>
#include <thread>

#include "daemon/base/backoff.h"
#include "daemon/base/gate.h"
#include "daemon/base/signal.h"
#include "daemon/base/worker.h"
#include "daemon/events/events.h"
#include "tests/daemon/loop.h"

namespace ivshmemd::test {
namespace {

// Coroutines of the tests are functions: a capturing lambda's frame would outlive its captures.
awaitable<void> pass_through(Gate& gate, int number, std::vector<int>& order, Signal& leave) {
    const Gate::Pass pass = co_await gate.enter();
    order.push_back(number);
    co_await leave.wait_until(SteadyClock::now() + std::chrono::seconds(20));
}

awaitable<void> release_early(Gate& gate, bool& released) {
    Gate::Pass pass = co_await gate.enter();
    pass.release();
    released = true;
    const Gate::Pass again = co_await gate.enter();
}

TEST(Gate, LetsOneThroughAtATimeInTheOrderTheyCame) {
    Loop loop;
    Gate gate(loop.executor());
    Signal leave(loop.executor());
    std::vector<int> order;
    for (const int number : {1, 2, 3}) {
        spawn(loop.executor(), "one", pass_through(gate, number, order, leave));
    }
    for (std::size_t inside = 1; inside <= 3; ++inside) {
        ASSERT_TRUE(loop.run_until([&] { return order.size() >= inside; }));
        loop.run_ready();
        EXPECT_EQ(order.size(), inside);
        EXPECT_TRUE(gate.busy());
        leave.notify_all();
    }
    EXPECT_TRUE(loop.run_out());
    EXPECT_EQ(order, (std::vector<int>{1, 2, 3}));
    EXPECT_FALSE(gate.busy());
}

TEST(Gate, CanBeLeftBeforeTheEndOfTheScope) {
    Loop loop;
    Gate gate(loop.executor());
    bool released = false;
    loop.run(release_early(gate, released));
    EXPECT_TRUE(released);
    EXPECT_FALSE(gate.busy());
}

awaitable<void> wait_for(Signal& signal, int& woken) {
    co_await signal.wait_until(SteadyClock::time_point::max());
    ++woken;
}

TEST(Signal, WakesAllWhoWait) {
    Loop loop;
    Signal signal(loop.executor());
    int woken = 0;
    signal.notify_all();  // nobody waits: it is not remembered
    for (int i = 0; i < 3; ++i) spawn(loop.executor(), "waiter", wait_for(signal, woken));
    loop.run_ready();
    EXPECT_EQ(woken, 0);
    signal.notify_all();
    signal.notify_all();
    EXPECT_TRUE(loop.run_out());
    EXPECT_EQ(woken, 3);
}

TEST(Signal, ReturnsAtTheDeadline) {
    Loop loop;
    Signal signal(loop.executor());
    const auto deadline = SteadyClock::now() + Milliseconds(20);
    loop.run(signal.wait_until(deadline));
    EXPECT_GE(SteadyClock::now(), deadline);
}

awaitable<void> throw_something() {
    throw std::runtime_error("a defect");
    co_return;
}

TEST(Spawn, KeepsADefectInOneCoroutineFromTheOthers) {
    Loop loop;
    spawn(loop.executor(), "defective", throw_something());
    EXPECT_TRUE(loop.run_out());
}

awaitable<std::vector<std::thread::id>> visit(Worker& worker) {
    std::vector<std::thread::id> ids;
    const auto here = [] { return std::this_thread::get_id(); };
    ids.push_back(here());
    ids.push_back(co_await worker.run(here));
    ids.push_back(here());
    co_return ids;
}

TEST(Worker, RunsElsewhereAndResumesHere) {
    Loop loop;
    Worker worker;
    const std::vector<std::thread::id> ids = loop.run(visit(worker));
    EXPECT_EQ(ids[0], std::this_thread::get_id());
    EXPECT_NE(ids[1], std::this_thread::get_id());
    EXPECT_EQ(ids[2], std::this_thread::get_id());
}

awaitable<void> write_down(Worker& worker, int number, std::vector<int>& order) {
    const auto write = [&order, number] {
        order.push_back(number);
        return number;
    };
    co_await worker.run(write);
}

TEST(Worker, KeepsTheOrderOfItsTasks) {
    Loop loop;
    Worker worker;
    std::vector<int> order;
    for (int i = 0; i < 20; ++i) spawn(loop.executor(), "task", write_down(worker, i, order));
    EXPECT_TRUE(loop.run_out());
    ASSERT_EQ(order.size(), 20u);
    EXPECT_TRUE(std::is_sorted(order.begin(), order.end()));
}

TEST(Backoff, DoublesUpToItsLimitWithAQuarterOfJitter) {
    std::minstd_rand random(1);
    Backoff backoff(Milliseconds(100), Milliseconds(5000));
    for (const int base : {100, 200, 400, 800, 1600, 3200, 5000, 5000}) {
        const Milliseconds pause = backoff.next(random);
        EXPECT_GE(pause, Milliseconds(base));
        EXPECT_LE(pause, Milliseconds(base + base / 4));
    }
    backoff.reset();
    EXPECT_LE(backoff.next(random), Milliseconds(125));
}

TEST(Backoff, DiffersFromOneVmToAnother) {
    std::set<Milliseconds> pauses;
    for (unsigned seed = 1; seed <= 20; ++seed) {
        std::minstd_rand random(seed * 7919);
        pauses.insert(Backoff(Milliseconds(5000), Milliseconds(5000)).next(random));
    }
    EXPECT_GT(pauses.size(), 10u);
}

TEST(Events, ReachEverySubscriberUntilItGoes) {
    Events events;
    std::vector<std::string> first;
    std::vector<std::string> second;
    const auto keep = events.subscribe([&](const Event& event) { first.push_back(event.detail); });
    {
        const auto gone =
            events.subscribe([&](const Event& event) { second.push_back(event.detail); });
        events.publish({EventKind::attached, "a", "x", "one"});
    }
    events.publish({EventKind::attached, "a", "x", "two"});
    EXPECT_EQ(first, (std::vector<std::string>{"one", "two"}));
    EXPECT_EQ(second, (std::vector<std::string>{"one"}));
}

}  // namespace
}  // namespace ivshmemd::test
