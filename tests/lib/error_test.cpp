#include "lib/error.h"

#include <gtest/gtest.h>

#include <map>
#include <set>
#include <string>

namespace ivshmemd {
namespace {

/// The exit codes that ivshmemctl promises for each error of the API.
const std::map<ErrorKind, std::pair<std::string, int>> promised = {
    {ErrorKind::internal, {"Internal", 1}},
    {ErrorKind::no_free_slot, {"NoFreeSlot", 1}},
    {ErrorKind::region_unavailable, {"RegionUnavailable", 1}},
    {ErrorKind::migration_blocked, {"MigrationBlocked", 1}},
    {ErrorKind::bad_name, {"BadName", 2}},
    {ErrorKind::bad_size, {"BadSize", 2}},
    {ErrorKind::invalid_parameter, {"InvalidParameter", 2}},
    {ErrorKind::no_such_vm, {"NoSuchVm", 3}},
    {ErrorKind::no_such_device, {"NoSuchDevice", 3}},
    {ErrorKind::permission_denied, {"PermissionDenied", 4}},
    {ErrorKind::vm_unavailable, {"VmUnavailable", 5}},
    {ErrorKind::device_exists, {"DeviceExists", 6}},
    {ErrorKind::master_exists, {"MasterExists", 6}},
    {ErrorKind::slot_in_use, {"SlotInUse", 6}},
    {ErrorKind::region_mismatch, {"RegionMismatch", 6}},
    {ErrorKind::operation_in_progress, {"OperationInProgress", 6}},
    {ErrorKind::migration_active, {"MigrationActive", 6}},
    {ErrorKind::timed_out, {"TimedOut", 7}},
    {ErrorKind::server_unusable, {"ServerUnusable", 8}},
    {ErrorKind::detach_refused, {"DetachRefused", 8}},
    {ErrorKind::qemu_error, {"QemuError", 8}},
    {ErrorKind::transaction_failed, {"TransactionFailed", 1}},
    {ErrorKind::model_not_supported, {"ModelNotSupported", 9}},
    {ErrorKind::config_unsupported, {"ConfigUnsupported", 9}},
};

TEST(ErrorKind, HasAPromiseForEveryValue) {
    EXPECT_EQ(promised.size(), static_cast<std::size_t>(ErrorKind::config_unsupported) + 1);
}

TEST(ErrorKind, HasItsApiNameAndItsExitCode) {
    for (const auto& [kind, row] : promised) {
        EXPECT_EQ(kind_name(kind), row.first);
        EXPECT_EQ(exit_code(kind), row.second) << row.first;
    }
}

TEST(ErrorKind, HasANameOfItsOwn) {
    std::set<std::string_view> names;
    for (const auto& [kind, row] : promised) names.insert(kind_name(kind));
    EXPECT_EQ(names.size(), promised.size());
}

TEST(ErrorKind, IsFoundByItsName) {
    for (const auto& [kind, row] : promised) EXPECT_EQ(kind_from_name(row.first), kind);
}

TEST(ErrorKind, IsInternalForAnUnknownName) {
    for (const std::string_view name : {"", "nofreeslot", "NoFreeSlot ", "NoFree", "Unheard"}) {
        EXPECT_EQ(kind_from_name(name), ErrorKind::internal) << name;
    }
}

}  // namespace
}  // namespace ivshmemd
