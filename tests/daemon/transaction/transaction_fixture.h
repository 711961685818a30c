#pragma once

#include <gmock/gmock.h>

#include "daemon/transaction/transaction.h"
#include "tests/daemon/vm/operation_fixture.h"

namespace ivshmemd::test {

/// Transactions over VMs "a" and "b", each with a machine behind its monitor.
class TransactionFixture : public OperationFixture {
  protected:
    void start_both() {
        other_.listen(socket("b"));
        start();
        ASSERT_TRUE(wait_state(VmState::connected, "b"));
    }

    Running<TransactionResult> start_run(std::vector<VmPlan> plans, TransactionWishes wishes = {}) {
        const TransactionProgress progress = [this](const TransactionStep& step) {
            steps_.push_back(step.phase + ": " + step.text);
        };
        return loop_.start(run_transaction(host_, std::move(plans), wishes, progress));
    }
    Result<TransactionResult> run(std::vector<VmPlan> plans, TransactionWishes wishes = {}) {
        return finish(start_run(std::move(plans), wishes));
    }

    /// A device of the same name for both.
    static std::vector<VmPlan> attach_both(const DeviceRequest& wanted) {
        return {{"a", {wanted}, {}}, {"b", {wanted}, {}}};
    }
    static std::vector<VmPlan> detach_both(const std::string& name) {
        return {{"a", {}, {name}}, {"b", {}, {name}}};
    }
    static TransactionWishes patient(Milliseconds timeout) {
        TransactionWishes wishes;
        wishes.timeout = timeout;
        return wishes;
    }

    static std::vector<std::string> leftovers(const Error& error) {
        for (const auto& [key, value] : error.details) {
            if (key == "leftovers") return std::get<std::vector<std::string>>(value);
        }
        return {"no such detail"};
    }
    static std::vector<std::string> faults(const Error& error) {
        std::vector<std::string> names;
        for (const auto& [key, value] : error.details) {
            if (key != "faults") continue;
            for (const Error& each : std::get<std::vector<Error>>(value)) {
                names.push_back(each.vm + "/" + text_detail(each, "device") + " " +
                                std::string(kind_name(each.kind)));
            }
        }
        return names;
    }

    /// Nothing is there but what was before anything happened.
    void expect_untouched() {
        EXPECT_EQ(pc_.holdings(), nlohmann::json(FakePc().holdings()));
        EXPECT_EQ(other_.holdings(), nlohmann::json(FakePc().holdings()));
        EXPECT_FALSE(region_exists("x"));
        EXPECT_TRUE(host_.store->get().regions.empty());
    }

    std::vector<std::string> steps_;
};

}  // namespace ivshmemd::test
