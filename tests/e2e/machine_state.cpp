#include "tests/e2e/machine_state.h"

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>

#include "tests/support/json_text.h"

namespace ivshmemd::test {

namespace fs = std::filesystem;
using nlohmann::json;

namespace {

// QEMU keeps them in hash tables: what was there once changes the order.
json sorted(json list) {
    std::sort(list.begin(), list.end());
    return list;
}

}  // namespace

json machine_state(QemuVm& vm) {
    json state = json::object();
    for (const char* path : {"/objects", "/machine/peripheral", "/machine/peripheral-anon"}) {
        state[path] = sorted(vm.spy().call("qom-list", {{"path", path}}));
    }
    for (const char* query : {"query-chardev", "query-memdev"}) {
        state[query] = sorted(vm.spy().call(query));
    }
    return state;
}

std::set<std::string> qom_names(QemuVm& vm, const std::string& path) {
    std::set<std::string> names;
    for (const json& entry : vm.spy().call("qom-list", {{"path", path}})) {
        const std::string name = entry.value("name", ""), type = entry.value("type", "");
        // Newer QEMUs show their monitors among the objects.
        const bool is_own =
            name == "type" || name == "pc.ram" || type.starts_with("child<monitor-");
        if (!is_own) names.insert(name);
    }
    return names;
}

json qom_get(QemuVm& vm, const std::string& path, const std::string& property) {
    return member(vm.spy().execute("qom-get", {{"path", path}, {"property", property}}), "return");
}

std::multiset<std::string> open_descriptors(pid_t pid) {
    std::multiset<std::string> targets;
    for (const auto& entry : fs::directory_iterator("/proc/" + std::to_string(pid) + "/fd")) {
        std::error_code gone;  // it may close while we look
        const fs::path target = fs::read_symlink(entry.path(), gone);
        if (!gone) targets.insert(target);
    }
    return targets;
}

std::set<std::string> files_in(const fs::path& directory) {
    std::set<std::string> names;
    for (const auto& entry : fs::directory_iterator(directory)) {
        names.insert(entry.path().filename());
    }
    return names;
}

void make_file(const fs::path& file, uint64_t size) {
    std::ofstream(file).close();
    fs::resize_file(file, size);
}

void write_file(const fs::path& file, uint64_t offset, const std::string& text) {
    std::fstream stream(file, std::ios::in | std::ios::out | std::ios::binary);
    stream.seekp(static_cast<std::streamoff>(offset));
    stream << text;
}

std::string read_file(const fs::path& file, uint64_t offset, size_t length) {
    std::ifstream stream(file, std::ios::binary);
    stream.seekg(static_cast<std::streamoff>(offset));
    std::string text(length, '\0');
    stream.read(text.data(), static_cast<std::streamsize>(length));
    return text;
}

}  // namespace ivshmemd::test
