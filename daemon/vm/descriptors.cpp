#include "daemon/vm/descriptors.h"

#include <sys/eventfd.h>

#include <algorithm>
#include <charconv>
#include <climits>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include "daemon/vm/executor.h"
#include "daemon/vm/vm.h"
#include "proto/qmp/descriptors.h"

namespace ivshmemd {
namespace {

constexpr int usual_limit = 1024;

// For what QEMU opens by itself meanwhile: clients of its monitors, a migration, a disk.
constexpr std::size_t kept_free = 16;

// One that is never readable: whoever watches its number for an earlier holder sees nothing.
UniqueFd never_rung() {
    return UniqueFd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
}

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

// What came of handing some over; they are taken back.
struct Tried {
    std::vector<int> numbers;
    bool full = false;  // QEMU had no more free
    bool silent = false;
};

// Hands one over after the other, up to so many or up to a number above `last`.
awaitable<Tried> try_descriptors(std::shared_ptr<Vm> vm, std::size_t most, int last) {
    Tried tried;
    const std::shared_ptr<qmp::Session> session = vm->session();
    if (!session) co_return tried;
    while (tried.numbers.size() < most) {
        std::vector<qmp::Command> commands{qmp::hold_descriptor()};
        const std::vector<qmp::Answer> answers = co_await session->call_all(
            std::move(commands), vm->host().deadlines.query, never_rung());
        tried.full = answers[0].kind == qmp::Answer::Kind::refused;
        tried.silent = !tried.full && !answers[0].ok();
        const std::optional<int> number = qmp::read_descriptor(answers[0].get());
        if (!number) break;
        tried.numbers.push_back(*number);
        if (*number > last) break;
    }
    qmp::Command command = qmp::release_descriptors();
    co_await session->call(std::move(command), vm->host().deadlines.query);
    co_return tried;
}

}  // namespace

awaitable<std::optional<int>> lowest_free_descriptor(std::shared_ptr<Vm> vm) {
    const std::shared_ptr<qmp::Session> session = vm->session();
    if (!session) co_return std::nullopt;
    std::vector<qmp::Command> commands{qmp::hold_descriptor(), qmp::release_descriptors()};
    const std::vector<qmp::Answer> answers =
        co_await session->call_all(std::move(commands), vm->host().deadlines.query, never_rung());
    co_return qmp::read_descriptor(answers[0].get());
}

std::optional<DescriptorUse> descriptors_in_use(const Identity& identity) {
    const auto folder = proc_of(identity, "fd");
    if (!folder) return std::nullopt;
    DescriptorUse use;
    std::error_code error;
    for (std::filesystem::directory_iterator it(*folder, error), end; !error && it != end;
         it.increment(error)) {
        const std::optional<int> number = number_of(it->path().filename());
        if (!number) continue;
        ++use.count;
        use.top = std::max(use.top, *number + 1);
    }
    if (error) return std::nullopt;
    return use;
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

awaitable<Result<std::vector<int>>> next_descriptors(std::shared_ptr<Vm> vm, std::size_t wanted) {
    const std::size_t needed = wanted + kept_free;
    Tried tried = co_await try_descriptors(vm, needed, INT_MAX);
    if (tried.silent) {
        const std::optional<Error> unavailable = vm->unavailable();
        if (unavailable) co_return *unavailable;
        co_return silence_error(*vm, "the question for free descriptors", "undone");
    }
    if (!tried.full) co_return std::move(tried.numbers);
    const std::string reason =
        "the QEMU of VM " + vm->name() + " may have " +
        std::to_string(descriptor_limit(vm->identity())) + " descriptors, and has not the " +
        std::to_string(needed) +
        " free that this device and its own work need; let it have more when it is started "
        "(LimitNOFILE=, ulimit -n)";
    co_return Error(ErrorKind::config_unsupported, "configuration unsupported: " + reason,
                    {{"reason", reason}});
}

awaitable<std::optional<int>> bound_taken(std::shared_ptr<Vm> vm, std::vector<int> expected) {
    if (expected.empty()) co_return std::nullopt;
    const int last = expected.back();
    const Tried tried = co_await try_descriptors(vm, SIZE_MAX, last);
    const bool all_seen = tried.full || (!tried.numbers.empty() && tried.numbers.back() > last);
    if (!all_seen) co_return std::nullopt;
    const std::set<int> free(tried.numbers.begin(), tried.numbers.end());
    int top = 0;
    for (const int number : expected) {
        if (!free.contains(number)) top = number + 1;
    }
    co_return top;
}

}  // namespace ivshmemd
