#pragma once

#include <fstream>

#include "daemon/state/changes.h"
#include "daemon/state/regions.h"
#include "proto/state_file.h"
#include "tests/daemon/transaction/transaction_fixture.h"

namespace ivshmemd::test {

/// What a daemon makes of a change that an earlier one, which was killed, had begun.
class UnfinishedChange : public TransactionFixture {
  protected:
    DeviceSpec spec_of(const std::string& name) { return spec_to_repeat(*vm()->device(name)); }

    void leave_behind(std::vector<std::string> coming, std::vector<DeviceSpec> leaving,
                      const std::string& run = "") {
        const VmKey key = vm()->key();
        ChangeRecord record{7,
                            key.name,
                            key.uuid,
                            run.empty() ? key.run : run,
                            std::move(coming),
                            std::move(leaving)};
        std::vector<ChangeRecord> records{std::move(record)};
        loop_.run(remember_change(*host_.store, std::move(records)));
    }
    /// The change made the region of that name.
    void made_by_change(const std::string& region) {
        const std::string path = region_path(region);
        const RegionIdentity file = *RegionFiles::identity(path);
        loop_.run(remember_region(*host_.store, path, file, "", region_mode, 7));
    }
    std::uint64_t change_of_region(const std::string& region) {
        for (const CreatedRegion& each : host_.store->get().regions) {
            if (each.path == region_path(region)) return each.change;
        }
        ADD_FAILURE() << region << " is not on record";
        return 0;
    }
    /// As a daemon that starts does.
    void connect_again() {
        const std::shared_ptr<qmp::Session> before = vm()->session();
        before->close(Error(ErrorKind::vm_unavailable, "cut"));
        ASSERT_TRUE(loop_.run_until(
            [&] { return vm()->session() != before && vm()->state() == VmState::connected; }));
    }
    bool wait_forgotten() {
        return loop_.run_until([this] { return host_.store->get().changes.empty(); });
    }
    bool wait_device(const std::string& name) {
        return loop_.run_until([&] {
            const std::optional<Device> device = vm()->device(name);
            return device && device->state == DeviceState::attached;
        });
    }
    bool has(const std::string& name) const { return pc_.has_device("ivshmemd." + name); }

    std::vector<ChangeRecord> on_disk() {
        std::ifstream file(host_.config.state_dir + "/state.json");
        const std::string text(std::istreambuf_iterator<char>(file), {});
        const Result<ReadState> read = parse_state(text);
        return read ? read->state.changes : std::vector<ChangeRecord>();
    }
};

}  // namespace ivshmemd::test
