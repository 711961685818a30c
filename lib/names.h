#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "lib/result.h"

namespace ivshmemd {

/// Device names: `[A-Za-z][A-Za-z0-9_-]{0,62}`. They become QEMU ids and file names, so the rule is
/// narrower than either. BadName.
Result<void> check_device_name(std::string_view name);

/// Region names: `[A-Za-z0-9][A-Za-z0-9_.-]{0,62}`, as those that shm_open(3) is used with; before
/// them the name of a configured directory and a colon, for one that is not in the usual one.
/// BadName.
Result<void> check_region_name(std::string_view name);

/// VM names: `[A-Za-z0-9][A-Za-z0-9_.-]{0,62}`. BadName.
Result<void> check_vm_name(std::string_view name);

/// Ids of memory backends, whoever made them: `[A-Za-z][A-Za-z0-9_.-]{0,126}`. BadName.
Result<void> check_backend_id(std::string_view id);

/// QEMU ids of what we make. They depend on the name alone: a migration needs equal backend ids on
/// both sides, and after a restart the daemon knows its own by them.
std::string device_id(std::string_view name);
std::string chardev_id(std::string_view name);

/// `ivshmemd.<name>.mem`, and `.mem.2`, `.mem.3` ... when earlier ones leaked and cannot be
/// deleted.
std::string backend_id(std::string_view name, int generation = 1);

/// The device name in one of our ids; nothing for ids of others.
std::optional<std::string> name_of_device_id(std::string_view id);
std::optional<std::string> name_of_backend_id(std::string_view id);
std::optional<std::string> name_of_chardev_id(std::string_view id);

/// Text from elsewhere, safe to show: control bytes as \xNN, cut after `limit` bytes.
std::string printable(std::string_view text, std::size_t limit = 200);

}  // namespace ivshmemd
