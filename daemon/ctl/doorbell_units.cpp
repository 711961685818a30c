#include "daemon/ctl/doorbell_units.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "daemon/ctl/console.h"
#include "lib/shell_word.h"
#include "lib/size.h"

namespace ivshmemd::ctl {
namespace {

// Where ivshmem-doorbell@.socket listens.
constexpr std::string_view unit_directory = "/run/ivshmem-doorbell/";
constexpr std::string_view unit_ending = ".sock";

bool is_missing(const std::string& path) {
    struct stat status {};
    return ::lstat(path.c_str(), &status) != 0 && errno == ENOENT;
}

// As systemd takes it in the name of a unit.
bool is_instance(std::string_view text) {
    constexpr std::string_view allowed =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789:-_.\\";
    return !text.empty() && text.find_first_not_of(allowed) == std::string_view::npos;
}

std::string instance_of(std::string_view path) {
    if (!path.starts_with(unit_directory) || !path.ends_with(unit_ending)) return "";
    path.remove_prefix(unit_directory.size());
    path.remove_suffix(std::min(unit_ending.size(), path.size()));
    return is_instance(path) ? std::string(path) : "";
}

// Empty when it did. Its standard output is ours for results alone.
std::string failure_of_start(const std::string& unit) {
    std::array<std::string, 3> words{"systemctl", "start", unit};
    std::array<char*, 4> arguments{words[0].data(), words[1].data(), words[2].data(), nullptr};
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, STDERR_FILENO, STDOUT_FILENO);
    pid_t pid = -1;
    const int error =
        posix_spawnp(&pid, arguments[0], &actions, nullptr, arguments.data(), environ);
    posix_spawn_file_actions_destroy(&actions);
    if (error == ENOENT) return "there is no systemctl";
    if (error != 0) return std::strerror(error);
    int status = 0;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) continue;
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return "";
    return WIFEXITED(status) ? "exit status " + std::to_string(WEXITSTATUS(status))
                             : "ended by signal " + std::to_string(WTERMSIG(status));
}

std::string by_hand(const MissingServer& server) {
    std::string text = "ivshmem-doorbell --socket " + shell_word(server.socket);
    text += " --size " + (server.size ? format_size(*server.size) : "SIZE");
    return text + " --vectors " + (server.vectors ? std::to_string(*server.vectors) : "N");
}

}  // namespace

std::vector<MissingServer> missing_servers(const Topology& topology) {
    std::vector<MissingServer> servers;
    for (const WantedDevice& each : topology) {
        const DeviceRequest& request = each.request;
        const bool known = std::any_of(servers.begin(), servers.end(), [&](const auto& server) {
            return server.socket == request.server;
        });
        if (!request.server || known || !is_missing(*request.server)) continue;
        servers.push_back(
            {*request.server, instance_of(*request.server), request.size, request.vectors});
    }
    return servers;
}

void start_servers(std::vector<MissingServer>& servers, Console& console) {
    for (MissingServer& each : servers) {
        if (each.instance.empty()) continue;
        console.err.flush();
        const std::string failure = failure_of_start(each.unit());
        each.started = failure.empty();
        print_message(each.started ? "started " + each.unit() + " for " + each.socket
                                   : "systemctl start " + shell_word(each.unit()) + ": " + failure,
                      console);
    }
}

void tell_servers(const std::vector<MissingServer>& servers, Console& console) {
    for (const MissingServer& each : servers) {
        if (each.instance.empty()) continue;
        print_message("would start " + each.unit() + " for " + each.socket, console);
    }
}

void explain_servers(const std::vector<MissingServer>& servers, Console& console) {
    for (const MissingServer& each : servers) {
        if (each.started) {
            const std::string socket = "ivshmem-doorbell@" + each.instance + ".socket";
            print_message(each.unit() +
                              " was started for this and goes on; to end it: systemctl stop " +
                              shell_word(socket) + " " + shell_word(each.unit()),
                          console);
            continue;
        }
        std::string text = "nobody serves " + each.socket + "; start one: ";
        if (!each.instance.empty()) text += "systemctl start " + shell_word(each.unit()) + ", or ";
        print_message(text + by_hand(each), console);
    }
}

}  // namespace ivshmemd::ctl
