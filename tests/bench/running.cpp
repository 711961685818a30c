#include "tests/bench/running.h"

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <thread>

#include "tests/support/json_text.h"

namespace ivshmemd::bench {

using nlohmann::json;

namespace {

constexpr std::chrono::seconds idle_time{5};

}  // namespace

json success(const json& reply) {
    if (reply.contains("error")) throw std::runtime_error(reply.dump());
    return test::member(reply, "parameters");
}

long status_of(pid_t pid, const std::string& key) {
    std::ifstream file("/proc/" + std::to_string(pid) + "/status");
    for (std::string line; std::getline(file, line);) {
        if (line.starts_with(key + ":")) return std::stol(line.substr(key.size() + 1));
    }
    throw std::runtime_error("no " + key);
}

double mebibytes_of(pid_t pid, const std::string& key) {
    return static_cast<double>(status_of(pid, key)) / 1024;
}

double wake_ups_of(pid_t pid) {
    const long before = status_of(pid, "voluntary_ctxt_switches");
    std::this_thread::sleep_for(idle_time);
    return static_cast<double>(status_of(pid, "voluntary_ctxt_switches") - before);
}

double cpu_of(pid_t pid) {
    double ns = 0;
    const std::string tasks = "/proc/" + std::to_string(pid) + "/task";
    for (const auto& thread : std::filesystem::directory_iterator(tasks)) {
        double ran = 0;
        if (std::ifstream(thread.path() / "schedstat") >> ran) ns += ran;
    }
    return ns / 1e6;
}

}  // namespace ivshmemd::bench
