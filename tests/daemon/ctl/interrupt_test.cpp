#include "daemon/ctl/interrupt.h"

#include <gtest/gtest.h>
#include <poll.h>

namespace ivshmemd::ctl {
namespace {

bool readable(int fd) {
    pollfd waited{fd, POLLIN, 0};
    return poll(&waited, 1, 0) == 1;
}

TEST(CtlInterrupt, TurnsCtrlCIntoAReadableDescriptorAndSwallowsIt) {
    {
        const Interrupt interrupt;
        EXPECT_FALSE(readable(interrupt.descriptor()));
        raise(SIGINT);
        EXPECT_TRUE(readable(interrupt.descriptor()));
    }
    sigset_t pending;
    sigpending(&pending);
    EXPECT_EQ(sigismember(&pending, SIGINT), 0);  // and this process is still here
}

TEST(CtlInterrupt, LeavesAnIgnoredSignalIgnored) {
    const auto before = std::signal(SIGINT, SIG_IGN);
    const Interrupt interrupt;
    EXPECT_EQ(interrupt.descriptor(), -1);
    raise(SIGINT);
    std::signal(SIGINT, before);
}

}  // namespace
}  // namespace ivshmemd::ctl
