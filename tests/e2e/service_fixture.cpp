#include "tests/e2e/service_fixture.h"

#include <unistd.h>

#include <fstream>

#include "tests/support/root.h"

namespace ivshmemd::test {

namespace fs = std::filesystem;

namespace {

const std::string source = IVSHMEMD_SOURCE_DIR;

}  // namespace

void ServiceTest::SetUp() {
    if (lacks_root("only root can run programs as other users")) return;
    HotplugTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    fs::permissions(dir_.path(), fs::perms(0755));
    fs::permissions(regions_.path(), fs::perms(01777));  // as /dev/shm is
    fs::copy_file(fs::path(IVSHMEMD_BIN_DIR) / "ivshmemd", dir_ / "ivshmemd");
    fs::permissions(dir_ / "ivshmemd", fs::perms(0755));
}

fs::path ServiceTest::monitor_dir() {
    const fs::path path = dir_ / "monitors";
    fs::create_directory(path);
    EXPECT_EQ(::chown(path.c_str(), alice, monitors), 0);
    fs::permissions(path, fs::perms(02777));
    return path;
}

void ServiceTest::start_service(std::initializer_list<const QemuVm*> vms,
                                const ServiceOptions& options) {
    std::ofstream(dir_ / "ivshmemd.toml") << options.config;
    std::ofstream(dir_ / "drop-in.conf") << "[Service]\n" << options.drop_in;
    const std::string ids = std::to_string(keeper) + " " + std::to_string(monitors);
    std::ofstream(dir_ / "service")
        << "#!/bin/sh\n"
        << "directory=$(dirname \"$2\")\n"
        << "chown -R " << keeper << " \"$directory\"\n"
        << "exec python3 -B " << source << "/tests/systemd/sandbox.py " << source
        << "/systemd/ivshmemd.service " << ids << " --drop-in " << dir_ / "drop-in.conf"
        << " --write \"$directory\" -- " << dir_ / "ivshmemd"
        << " \"$@\"\n";
    fs::permissions(dir_ / "service", fs::perms(0755));
    start_daemon(vms, {.extra = {"--config", dir_ / "ivshmemd.toml"}, .program = dir_ / "service"});
}

std::string ServiceTest::documented_lines(const std::string& table, const std::string& path) {
    std::ifstream manual(source + "/systemd/ivshmemd.toml.5");
    const std::string command = ".Dl ";
    std::string lines;
    bool inside = false;
    for (std::string line; std::getline(manual, line);) {
        if (line.starts_with(".Ss ")) inside = line.starts_with(".Ss [[" + table + "]]");
        if (!inside || !line.starts_with(command) || line.find('=') == std::string::npos) continue;
        const std::size_t example = line.find("/dev/");
        if (example != std::string::npos) {
            const std::size_t end = std::min(line.find(' ', example), line.size());
            line.replace(example, end - example, path);
        }
        lines += line.substr(command.size()) + "\n";
    }
    return lines;
}

}  // namespace ivshmemd::test
