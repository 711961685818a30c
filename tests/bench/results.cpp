#include "tests/bench/results.h"

#include <unistd.h>

#include <ctime>
#include <fstream>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "tests/support/process.h"
#include "tests/support/qemu_vm.h"

namespace ivshmemd::bench {
namespace {

using nlohmann::json;

std::string first_line_of(const std::vector<std::string>& command) {
    const test::RunResult result = test::run({.argv = command});
    return result.exit_code == 0 ? result.out.substr(0, result.out.find('\n')) : "";
}

std::string today() {
    const std::time_t now = std::time(nullptr);
    std::tm day{};
    ::localtime_r(&now, &day);
    char text[sizeof "2000-01-01"];
    std::strftime(text, sizeof text, "%Y-%m-%d", &day);
    return text;
}

std::string processor() {
    std::ifstream file("/proc/cpuinfo");
    for (std::string line; std::getline(file, line);) {
        if (line.starts_with("model name")) return line.substr(line.find(": ") + 2);
    }
    return "unknown";
}

// "7.2.22" of "QEMU emulator version 7.2.22 (Debian ...)".
std::string qemu_version() {
    const std::string line = first_line_of({test::QemuVm::binary(), "--version"});
    const std::string before = "version ";
    const std::size_t begin = line.find(before);
    if (begin == std::string::npos) return "unknown";
    return line.substr(begin + before.size(),
                       line.find(' ', begin + before.size()) - begin - before.size());
}

std::string commit() {
    return first_line_of({"git", "-C", IVSHMEMD_SOURCE_DIR, "-c", "safe.directory=*", "describe",
                          "--always", "--dirty", "--exclude=*"});
}

}  // namespace

void write_results(const std::filesystem::path& file, const Report& report) {
    const json results{{"date", today()},
                       {"qemu", qemu_version()},
                       {"accelerator", "tcg"},
                       {"processor", processor()},
                       {"cores", ::sysconf(_SC_NPROCESSORS_ONLN)},
                       {"version", IVSHMEMD_VERSION},
                       {"commit", commit()},
                       {"rows", report.rows()},
                       {"failed", report.failed()}};
    std::ofstream stream(file);
    stream << results.dump(2) << "\n";
    if (!stream.flush()) throw std::runtime_error("it cannot write " + file.string());
}

}  // namespace ivshmemd::bench
