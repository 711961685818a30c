#include "tests/bench/hostile.h"

#include <unistd.h>

#include <nlohmann/json.hpp>

#include "tests/support/varlink_client.h"

namespace ivshmemd::bench {

using namespace test;

namespace {

constexpr uid_t nobody = 65534;

}  // namespace

Repeated::Repeated(std::function<void()> what)
    : thread_([this, what = std::move(what)] {
          while (!over_) what();
      }) {}

Repeated::~Repeated() {
    over_ = true;
    thread_.join();
}

void send_events(FakeQemu& qemu, std::uint64_t count) {
    // Each makes the daemon look after something.
    std::string bunch;
    const std::vector<std::string> names{"STOP", "RESUME", "RESET", "DEVICE_DELETED"};
    for (const std::string& name : names) {
        nlohmann::json data(nlohmann::json::object());
        if (name == "DEVICE_DELETED") data["path"] = "/machine/peripheral/other";
        bunch += FakeQemu::event_message(name, data).dump() + "\r\n";
    }
    constexpr int repeats = 25;
    std::string bytes;
    for (int i = 0; i < repeats; ++i) bytes += bunch;
    std::uint64_t sent = 0;
    while (sent < count) {
        try {
            if (qemu.send_bytes(bytes)) {
                sent += repeats * names.size();
                continue;
            }
        } catch (const std::exception&) {
            // The daemon has had enough, and comes again.
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
}

Child greedy_client(const std::filesystem::path& socket) {
    Command command;
    if (::geteuid() == 0) command.argv = as_user(nobody);
    command.argv.insert(command.argv.end(), {std::filesystem::read_symlink("/proc/self/exe"),
                                             "--call-without-end", socket});
    return Child(command);
}

void call_without_end(const std::string& socket) {
    const std::string call = R"({"method":"io.ivshmemd.Hotplug.ListDevices"})";
    std::string calls;
    for (int i = 0; i < 100; ++i) calls += call + '\0';
    for (;;) {
        try {
            VarlinkClient client(socket);
            for (;;) client.send_raw(calls);
        } catch (const std::exception&) {
            std::this_thread::sleep_for(std::chrono::milliseconds(1));  // cut off, or not let in
        }
    }
}

}  // namespace ivshmemd::bench
