#include "daemon/vm/process_descriptors.h"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace ivshmemd {
namespace {

constexpr int usual_limit = 1024;

std::optional<std::filesystem::path> proc_of(const Identity& identity, const char* name) {
    if (!identity.pid) return std::nullopt;
    return std::filesystem::path("/proc") / std::to_string(*identity.pid) / name;
}

std::optional<int> number_of(const std::string& text) {
    int number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
    return number;
}

}  // namespace

std::optional<std::set<int>> descriptors_in_use(const Identity& identity) {
    const auto folder = proc_of(identity, "fd");
    if (!folder) return std::nullopt;
    std::set<int> numbers;
    std::error_code error;
    for (std::filesystem::directory_iterator it(*folder, error), end; !error && it != end;
         it.increment(error)) {
        const std::optional<int> number = number_of(it->path().filename());
        if (number) numbers.insert(*number);
    }
    if (error) return std::nullopt;
    return numbers;
}

int descriptor_limit(const Identity& identity) {
    const auto path = proc_of(identity, "limits");
    if (!path) return usual_limit;
    std::ifstream file(*path);
    const std::string key = "Max open files";
    for (std::string line; std::getline(file, line);) {
        if (!line.starts_with(key)) continue;
        std::istringstream words(line.substr(key.size()));
        std::string soft;
        words >> soft;
        return number_of(soft).value_or(usual_limit);
    }
    return usual_limit;
}

}  // namespace ivshmemd
