#include "tests/bench/fake_machines.h"

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>

#include "tests/support/unix_socket.h"

namespace ivshmemd::bench {
namespace {

using nlohmann::json;
using test::FileDescriptor;

constexpr std::size_t machines_of_a_process = 50;
constexpr std::uint64_t client_bit = std::uint64_t{1} << 32;

void watch(int epoll, int fd, std::uint64_t key) {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.u64 = key;
    ::epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
}

[[noreturn]] void die(const std::string& why) {
    std::fprintf(stderr, "fake machine: %s\n", why.c_str());
    std::abort();
}

const std::string greeting =
    R"({"QMP": {"version": {"qemu": {"micro": 22, "minor": 2, "major": 7}, "package": "fake"},)"
    R"( "capabilities": ["oob"]}})"
    "\r\n";

}  // namespace

FakeMachines::FakeMachines(const std::vector<std::filesystem::path>& monitors)
    : epoll_(::epoll_create1(EPOLL_CLOEXEC)) {
    for (const std::filesystem::path& monitor : monitors) {
        auto machine = std::make_unique<Machine>();
        machine->name = monitor.stem();
        machine->listener = test::bind_unix(monitor, SOCK_STREAM);
        watch(epoll_.get(), machine->listener.get(), machines_.size());
        machines_.push_back(std::move(machine));
    }
}

void FakeMachines::serve() {
    std::array<epoll_event, 64> events{};
    for (;;) {
        const int count = ::epoll_wait(epoll_.get(), events.data(), events.size(), -1);
        for (int i = 0; i < count; ++i) {
            const std::uint64_t key = events[static_cast<std::size_t>(i)].data.u64;
            const std::size_t index = key & ~client_bit;
            if (key & client_bit) {
                read_from(*machines_[index]);
            } else {
                accept_client(index);
            }
        }
    }
}

void FakeMachines::accept_client(std::size_t index) {
    Machine& machine = *machines_[index];
    machine.client =
        FileDescriptor(::accept4(machine.listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
    machine.received.clear();
    watch(epoll_.get(), machine.client.get(), client_bit | index);
    test::send_all(machine.client.get(), greeting, test::soon());
}

void FakeMachines::read_from(Machine& machine) {
    std::array<char, 16384> bytes{};
    const ssize_t count = ::recv(machine.client.get(), bytes.data(), bytes.size(), 0);
    if (count <= 0) {
        machine.client = FileDescriptor();
        return;
    }
    machine.received.append(bytes.data(), static_cast<std::size_t>(count));
    std::string answers;
    std::size_t begin = 0;
    for (std::size_t end = 0; (end = machine.received.find('\n', begin)) != std::string::npos;) {
        answers += answer(machine, json::parse(machine.received.substr(begin, end - begin)));
        begin = end + 1;
    }
    machine.received.erase(0, begin);
    test::send_all(machine.client.get(), answers, test::soon());
}

void FakeMachines::map_once(const std::string& path, std::uint64_t size) {
    if (mapped_.contains(path)) return;
    const FileDescriptor file(::open(path.c_str(), O_RDWR | O_CLOEXEC));
    void* memory = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, file.get(), 0);
    if (memory == MAP_FAILED) die("it cannot map " + path);
    mapped_[path] = memory;
}

std::vector<FakeMonitor> fake_monitors(const std::filesystem::path& directory, std::size_t count) {
    std::vector<FakeMonitor> monitors;
    for (std::size_t i = 0; i < count; ++i) {
        const std::string name = "fake" + std::to_string(i);
        monitors.emplace_back(name, directory / (name + ".qmp"));
    }
    return monitors;
}

std::deque<test::Child> fake_machines(const std::vector<FakeMonitor>& monitors) {
    std::deque<test::Child> processes;
    for (std::size_t begin = 0; begin < monitors.size(); begin += machines_of_a_process) {
        test::Command command;
        command.argv = {std::filesystem::read_symlink("/proc/self/exe"), "--fake-machines"};
        const std::size_t end = std::min(begin + machines_of_a_process, monitors.size());
        for (std::size_t i = begin; i < end; ++i) command.argv.push_back(monitors[i].second);
        processes.emplace_back(command);
    }
    return processes;
}

}  // namespace ivshmemd::bench
