#pragma once

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <nlohmann/json.hpp>

#include "daemon/qmp/session.h"
#include "tests/daemon/loop.h"
#include "tests/support/fake_qemu.h"

namespace ivshmemd::test {

/// A session on one end of a socket pair, with short deadlines.
class SessionFixture : public ::testing::Test {
  protected:
    SessionFixture();

    /// Ends the session; whatever still runs then is a defect.
    void TearDown() override;

    void open(FileDescriptor client);
    /// With the fake behind it.
    void open() { open(qemu_.connect()); }

    qmp::Answer call(const std::string& name, Milliseconds deadline = patient);
    std::shared_ptr<Loop::Pending<qmp::Answer>> start_call(const std::string& name,
                                                           Milliseconds deadline = patient);
    /// Runs until the session has ended. Its cause, or null past the deadline.
    const Error* wait_end();

    static constexpr Milliseconds patient{20000};

    Loop loop_;
    FakeQemu qemu_;
    Deadlines deadlines_;
    Worker parser_;
    std::vector<std::string> events_;
    std::vector<bool> responsive_;  // the changes
    std::shared_ptr<qmp::Session> session_;
    std::shared_ptr<Loop::Pending<Error>> end_;
};

}  // namespace ivshmemd::test
