#include "daemon/base/worker.h"

#include <gtest/gtest.h>

#include <functional>
#include <future>
#include <memory>

#include "tests/daemon/loop.h"

namespace ivshmemd::test {
namespace {

awaitable<int> ask(Worker& worker, std::function<int()> job) {
    co_return co_await worker.run(std::move(job));
}

TEST(Worker, ResumesACallerWhileTheNextJobGoesOn) {
    Loop loop;
    Worker worker;
    std::promise<void> may_end;
    const auto quick = loop.start(ask(worker, [] { return 1; }));
    const auto slow = loop.start(ask(worker, [end = may_end.get_future().share()] {
        end.wait_for(std::chrono::seconds(20));
        return 2;
    }));
    EXPECT_TRUE(
        loop.run_until([&] { return quick->done; }, Deadline::after(std::chrono::seconds(10))));
    EXPECT_FALSE(slow->done);
    EXPECT_TRUE(worker.busy());
    may_end.set_value();
    ASSERT_TRUE(loop.run_until([&] { return slow->done; }));
    EXPECT_EQ(slow->take(), 2);
}

TEST(Worker, EndsBehindTheJobThatIsUnderWay) {
    Loop loop;
    auto worker = std::make_unique<Worker>();
    std::promise<void> began;
    const auto job = loop.start(ask(*worker, [&began] {
        began.set_value();
        return 7;
    }));
    loop.run_ready();
    began.get_future().wait_for(std::chrono::seconds(20));
    worker.reset();
    ASSERT_TRUE(loop.run_until([&] { return job->done; }));
    EXPECT_EQ(job->take(), 7);
}

}  // namespace
}  // namespace ivshmemd::test
