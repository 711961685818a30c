#pragma once

#include <sys/types.h>

#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <set>
#include <string>

#include "tests/support/qemu_vm.h"

// What a test compares before and after, seen without the daemon.
namespace ivshmemd::test {

/// Objects, devices, chardevs and memory backends of the machine, through the spy monitor.
nlohmann::json machine_state(QemuVm& vm);

/// Names in /objects, or in another QOM folder; without the machine's own memory.
std::set<std::string> qom_names(QemuVm& vm, const std::string& path = "/objects");

/// A property of a QOM object; null when there is none.
nlohmann::json qom_get(QemuVm& vm, const std::string& path, const std::string& property);

/// What each open descriptor of the process is.
std::multiset<std::string> open_descriptors(pid_t pid);

/// Names of everything in the directory.
std::set<std::string> files_in(const std::filesystem::path& directory);

void make_file(const std::filesystem::path& file, uint64_t size);
void write_file(const std::filesystem::path& file, uint64_t offset, const std::string& text);
std::string read_file(const std::filesystem::path& file, uint64_t offset, size_t length);

}  // namespace ivshmemd::test
