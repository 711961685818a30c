#pragma once

#include <cstdint>
#include <deque>
#include <filesystem>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tests/support/file_descriptor.h"
#include "tests/support/process.h"

namespace ivshmemd::bench {

/// Machines of type pc as cheap as can be, all in one thread of a process
/// of their own, whose command line names their monitors as QEMU's does: what a daemon costs is
/// seen beside them. They answer what the daemon asks, keep their objects and devices, map each
/// file once however many have it, and their guests let go at once. They refuse nothing; a command
/// that they do not know ends the program.
class FakeMachines {
  public:
    /// Machines with these monitors.
    explicit FakeMachines(const std::vector<std::filesystem::path>& monitors);

    /// Does not return.
    [[noreturn]] void serve();

  private:
    using Json = nlohmann::json;

    struct Backend {
        std::string path;
        std::uint64_t size = 0;  // bytes
    };
    struct Machine {
        std::string name;
        test::FileDescriptor listener;
        test::FileDescriptor client;
        std::string received;
        std::map<std::string, Backend> backends;
        std::map<std::string, Json> devices;  // what device_add said
    };

    void accept_client(std::size_t index);
    void read_from(Machine& machine);
    std::string answer(Machine& machine, const Json& request);
    static bool is_unknown(const Machine& machine, const std::string& command,
                           const Json& arguments);
    Json result_of(Machine& machine, const std::string& command, const Json& arguments);
    static Json list(const Machine& machine, const std::string& path);
    static Json get(const Machine& machine, const std::string& path, const std::string& property);
    static Json pci(const Machine& machine);
    void map_once(const std::string& path, std::uint64_t size);

    std::vector<std::unique_ptr<Machine>> machines_;
    std::map<std::string, void*> mapped_;
    test::FileDescriptor epoll_;
};

/// Name and monitor of a machine.
using FakeMonitor = std::pair<std::string, std::filesystem::path>;

/// `count` of them, "fake0" and so on, with their monitors in `directory`.
std::vector<FakeMonitor> fake_monitors(const std::filesystem::path& directory, std::size_t count);

/// Their processes, some for each: a QEMU's command line has as many words.
std::deque<test::Child> fake_machines(const std::vector<FakeMonitor>& monitors);

}  // namespace ivshmemd::bench
