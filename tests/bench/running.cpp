#include "tests/bench/running.h"

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "tests/support/json_text.h"

namespace ivshmemd::bench {

using nlohmann::json;

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
