#include "tests/support/doorbell_server.h"

#include <signal.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <stdexcept>

namespace ivshmemd::test {

DoorbellServer::DoorbellServer(std::vector<std::string> arguments) : notify_(dir_ / "notify.sock") {
    command_.argv = {program(), "--socket", socket()};
    if (std::find(arguments.begin(), arguments.end(), "--size") == arguments.end()) {
        command_.argv.insert(command_.argv.end(), {"--size", "64K"});
    }
    command_.argv.insert(command_.argv.end(), arguments.begin(), arguments.end());
    command_.env.emplace("NOTIFY_SOCKET", notify_.path());
    // What it frees goes back at once: its memory is measured.
    command_.env.emplace("ASAN_OPTIONS", "quarantine_size_mb=1");
    start();
}

void DoorbellServer::start() {
    process_.emplace(command_);
    if (!notify_.wait_ready(soon())) {
        throw std::runtime_error("ivshmem-doorbell did not get ready:\n" + process_->err());
    }
}

int DoorbellServer::stop() {
    process_->signal(SIGTERM);
    const std::optional<int> code = process_->wait_exit(soon());
    if (!code) throw std::runtime_error("ivshmem-doorbell did not stop:\n" + process_->err());
    return *code;
}

size_t DoorbellServer::open_files() const {
    const std::filesystem::directory_iterator files("/proc/" + std::to_string(process_->pid()) +
                                                    "/fd");
    return static_cast<size_t>(std::distance(begin(files), end(files)));
}

size_t DoorbellServer::resident_kib() const {
    std::ifstream status("/proc/" + std::to_string(process_->pid()) + "/status");
    for (std::string word; status >> word;) {
        size_t kib = 0;
        if (word == "VmRSS:" && status >> kib) return kib;
    }
    throw std::runtime_error("no VmRSS");
}

std::string DoorbellServer::program() {
    return std::string(IVSHMEMD_BIN_DIR) + "/ivshmem-doorbell";
}

}  // namespace ivshmemd::test
