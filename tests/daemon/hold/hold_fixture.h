#pragma once

#include <gmock/gmock.h>

#include "daemon/hold/hold.h"
#include "daemon/hold/notes.h"
#include "tests/daemon/migration/migrate_fixture.h"

namespace ivshmemd::test {

/// A client that holds VM "a".
class HoldTest : public MigrateFixture {
  protected:
    struct Nothing {};

    static awaitable<Result<Nothing>> without_value(awaitable<Result<void>> task) {
        const Result<void> result = co_await std::move(task);
        if (!result) co_return result.error();
        co_return Nothing();
    }
    Running<Nothing> start_hold(bool masters = false, Milliseconds timeout = Milliseconds(5000)) {
        hold_ = std::make_shared<Hold>();
        const auto progress = [this](const MigrationStep& step) { steps_.push_back(step); };
        return loop_.start(
            without_value(take_hold(vm(), hold_, {masters, timeout}, MigrationProgress(progress))));
    }
    /// With p1 and p2 out.
    void hold() {
        start_with_peers();
        const Result<Nothing> held = finish(start_hold());
        ASSERT_TRUE(held) << held.error().message;
        ASSERT_FALSE(has("p1") || has("p2"));
    }
    Running<Nothing> start_release() {
        const auto progress = [this](const MigrationStep& step) { steps_.push_back(step); };
        return loop_.start(
            without_value(release_hold(host_, "a", hold_, MigrationProgress(progress))));
    }
    void leave_client() { end_hold(host_, "a", hold_); }

    bool has(const std::string& name) const { return pc_.has_device("ivshmemd." + name); }
    bool wait_settled() {
        return loop_.run_until([this] { return hold_->settled && host_.holds.empty(); });
    }
    HoldNote note() {
        const std::vector<HoldNote> notes = hold_notes(host_);
        return notes.size() == 1 ? notes[0] : HoldNote();
    }

    std::shared_ptr<Hold> hold_;
};

}  // namespace ivshmemd::test
