#include "daemon/vm/process_threads.h"

#include <gmock/gmock.h>
#include <unistd.h>

#include <atomic>
#include <thread>

namespace ivshmemd::test {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(ProcessThreads, AreToldWithWhatTheyDo) {
    std::atomic<pid_t> id = 0;
    std::atomic<bool> over = false;
    std::thread waiting([&] {
        id = ::gettid();
        id.notify_all();
        over.wait(false);
    });
    id.wait(0);
    const pid_t process = ::getpid();
    while (threads_of(process)->at(id).running) continue;
    EXPECT_TRUE(threads_of(process)->at(::gettid()).running);
    over = true;
    over.notify_all();
    waiting.join();
}

TEST(ProcessThreads, AreNotToldOfAProcessThatIsNotThere) {
    EXPECT_FALSE(threads_of(-1));
}

TEST(RestWatch, WantsTheSameWaitTwiceInARow) {
    constexpr bool runs = true;
    constexpr bool waits = false;
    struct Case {
        const char* what;
        std::vector<ThreadState> looks;
        bool rested;
    };
    const Case cases[] = {
        {"it runs", {{runs, 1}, {runs, 1}, {runs, 1}}, false},
        {"it waits on", {{runs, 1}, {waits, 2}, {waits, 2}}, true},
        {"from the beginning", {{waits, 2}, {waits, 2}}, true},
        {"and runs then", {{waits, 2}, {waits, 2}, {runs, 2}}, true},
        {"one wait after another", {{waits, 1}, {waits, 2}, {waits, 3}}, false},
        {"a wait between two runs", {{runs, 1}, {waits, 2}, {runs, 2}}, false},
        {"not looked at yet", {{waits, 1}}, false},
    };
    for (const Case& each : cases) {
        SCOPED_TRACE(each.what);
        RestWatch watch({{7, each.looks[0]}}, 1);
        for (std::size_t i = 1; i < each.looks.size(); ++i) watch.look({{7, each.looks[i]}});
        EXPECT_EQ(watch.restless().empty(), each.rested);
    }
}

TEST(RestWatch, LeavesOutOneThreadAndThoseThatEnd) {
    const ThreadState runs{true, 1};
    RestWatch watch({{1, runs}, {2, runs}, {3, runs}}, 1);
    EXPECT_THAT(watch.restless(), ElementsAre(2, 3));
    watch.look({{1, runs}, {3, runs}});
    EXPECT_THAT(watch.restless(), ElementsAre(3));
    watch.look({{1, runs}});
    EXPECT_THAT(watch.restless(), IsEmpty());
}

}  // namespace
}  // namespace ivshmemd::test
