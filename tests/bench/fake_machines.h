#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <vector>

#include "tests/support/file_descriptor.h"

namespace ivshmemd::bench {

/// Machines of type pc as cheap as can be, all in one thread: what a daemon costs is seen beside
/// them. They answer what the daemon asks, keep their objects and devices, map each file once
/// however many have it, and their guests let go at once. They refuse nothing; a command that they
/// do not know ends the program.
class FakeMachines {
  public:
    /// `count` machines, whose monitors are in `directory`.
    FakeMachines(const std::filesystem::path& directory, std::size_t count);
    ~FakeMachines();
    FakeMachines(const FakeMachines&) = delete;
    FakeMachines& operator=(const FakeMachines&) = delete;

    /// Name and monitor of each.
    std::vector<std::pair<std::string, std::filesystem::path>> monitors() const;

  private:
    using Json = nlohmann::json;

    struct Backend {
        std::string path;
        std::uint64_t size = 0;  // bytes
    };
    struct Machine {
        std::string name;
        std::filesystem::path monitor;
        test::FileDescriptor listener;
        test::FileDescriptor client;
        std::string received;
        std::map<std::string, Backend> backends;
        std::map<std::string, Json> devices;  // what device_add said
    };

    void serve();
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
    test::FileDescriptor stop_;
    std::thread thread_;
};

}  // namespace ivshmemd::bench
