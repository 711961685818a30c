#include "daemon/vm/process_threads.h"

#include <charconv>
#include <filesystem>
#include <fstream>

namespace ivshmemd {
namespace {

namespace fs = std::filesystem;

// Nothing for one that has ended.
std::optional<ThreadState> look_at(const fs::path& folder) {
    constexpr std::string_view state = "State:\t";
    constexpr std::string_view waits = "voluntary_ctxt_switches:\t";
    ThreadState thread;
    std::ifstream file(folder / "status");
    for (std::string line; std::getline(file, line);) {
        if (line.starts_with(state)) thread.running = line.substr(state.size(), 1) == "R";
        if (!line.starts_with(waits)) continue;
        const char* end = line.data() + line.size();
        const auto read = std::from_chars(line.data() + waits.size(), end, thread.waits);
        if (read.ec == std::errc()) return thread;
    }
    return std::nullopt;
}

}  // namespace

std::optional<Threads> threads_of(pid_t pid) {
    Threads threads;
    std::error_code error;
    const fs::path folder = fs::path("/proc") / std::to_string(pid) / "task";
    for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
        const std::string name = it->path().filename();
        pid_t id = 0;
        std::from_chars(name.data(), name.data() + name.size(), id);
        const std::optional<ThreadState> thread = look_at(it->path());
        if (thread) threads[id] = *thread;
    }
    if (error || threads.empty()) return std::nullopt;
    return threads;
}

RestWatch::RestWatch(const Threads& first, pid_t but) : last_(first) {
    for (const auto& [id, thread] : first) {
        if (id != but) restless_.insert(id);
    }
}

void RestWatch::look(const Threads& now) {
    std::erase_if(restless_, [&](pid_t id) {
        const auto found = now.find(id);
        if (found == now.end()) return true;
        return !found->second.running && found->second == last_[id];
    });
    last_ = now;
}

}  // namespace ivshmemd
