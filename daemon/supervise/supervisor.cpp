#include "daemon/supervise/supervisor.h"

#include <nlohmann/json.hpp>
#include <random>

#include "daemon/attach/region.h"
#include "daemon/base/backoff.h"
#include "daemon/base/log.h"
#include "daemon/declared/declared.h"
#include "daemon/detach/drive.h"
#include "daemon/detach/removal.h"
#include "daemon/hold/hold.h"
#include "daemon/migration/recovery.h"
#include "daemon/qmp/connect.h"
#include "daemon/supervise/events.h"
#include "daemon/supervise/silence.h"
#include "daemon/transaction/record.h"
#include "daemon/vm/bridge.h"
#include "daemon/vm/descriptors.h"
#include "daemon/vm/migration_watch.h"
#include "daemon/vm/preconfig.h"
#include "daemon/vm/probe.h"
#include "daemon/vm/refresh.h"
#include "lib/names.h"
#include "proto/qmp/queries.h"

namespace ivshmemd {
namespace {

using qmp::Session;

// Another client's hotplug between two readings is possible; a VM in constant change is not.
constexpr int reading_attempts = 3;

std::shared_ptr<Session> make_session(const std::shared_ptr<Vm>& vm, UniqueFd fd) {
    Session::Socket socket(vm->host().executor, boost::asio::local::stream_protocol(),
                           fd.release());
    const std::weak_ptr<Vm> weak = vm;
    Session::Handlers handlers;
    handlers.event = [weak](const qmp::Event& event) {
        if (const auto target = weak.lock()) follow_event(target, event);
    };
    handlers.responsive = [weak](bool responsive) {
        if (const auto target = weak.lock()) follow_responsiveness(target, responsive);
    };
    handlers.parser = &vm->host().parser;
    return std::make_shared<Session>(std::move(socket), vm->host().deadlines, std::move(handlers));
}

awaitable<void> read_to_end(std::shared_ptr<Vm> vm, std::shared_ptr<Session> session) {
    co_await session->run();
    vm->changed().notify_all();
}

awaitable<std::optional<qmp::Greeting>> await_greeting(std::shared_ptr<Vm> vm,
                                                       std::shared_ptr<Session> session,
                                                       uid_t listener) {
    std::optional<qmp::Greeting> greeting =
        co_await session->wait_greeting(vm->host().deadlines.greeting);
    if (greeting || session->cause()) co_return greeting;
    const std::string told = held_by_bridge(vm->config().qmp_socket, listener);
    if (told.empty()) {
        vm->link().held("no greeting: another client holds the monitor, or QEMU is stopped");
    } else {
        vm->link().held_by_bridge(told);
    }
    // This connection keeps its place in the queue: it is served the moment the holder leaves.
    co_return co_await session->wait_greeting(Milliseconds::max());
}

awaitable<std::string> ask_uuid(std::shared_ptr<Session> session, Milliseconds deadline) {
    qmp::Command command = qmp::query_uuid();
    const qmp::Answer answer = co_await session->call(std::move(command), deadline);
    co_return qmp::read_uuid(answer.get());
}

// A reading nothing overtook: an event during it may have made it old already.
awaitable<Result<Reading>> read_settled(std::shared_ptr<Vm> vm, std::shared_ptr<Session> session,
                                        std::optional<pid_t> pid) {
    for (int attempt = 1;; ++attempt) {
        const std::uint64_t generation = vm->holdings().generation();
        const Milliseconds deadline = vm->host().deadlines.query;
        Result<Reading> reading =
            co_await read_inventory_and_memory(vm->host(), session, pid, deadline);
        const bool settled = !reading || vm->holdings().generation() == generation;
        if (settled || attempt == reading_attempts) co_return reading;
    }
}

// From the greeting to a VM that can be worked with. An error ends the connection.
awaitable<Result<void>> get_to_know(std::shared_ptr<Vm> vm, std::shared_ptr<Session> session,
                                    qmp::Greeting greeting, Identity identity) {
    const Milliseconds deadline = vm->host().deadlines.query;
    const qmp::Answer ready = co_await session->negotiate();
    if (!ready.ok()) co_return Error(ErrorKind::vm_unavailable, "QEMU refuses to negotiate");
    Result<Capabilities> capabilities =
        co_await probe(session, greeting.version, identity, vm->config().qmp_socket, deadline);
    if (!capabilities && has_no_machine(capabilities.error())) {
        co_await await_machine(vm, session);
        capabilities =
            co_await probe(session, greeting.version, identity, vm->config().qmp_socket, deadline);
    }
    if (!capabilities) co_return capabilities.error();
    identity.command_line = {};  // it has told what it can, and may be long
    std::string uuid = co_await ask_uuid(session, deadline);
    co_await watch_migration(vm, session);
    if (!capabilities->kvm) co_await release_held(session, deadline);
    // An operation that the last connection's end is failing right now does not hold this one up.
    std::optional<Turn::Pass> pass;
    if (!vm->turn().busy()) pass.emplace(co_await vm->turn().enter());
    Result<Reading> reading = co_await read_settled(vm, session, identity.pid);
    if (!reading) co_return reading.error();
    vm->connect(session, std::move(identity), std::move(uuid), std::move(*capabilities),
                std::move(*reading));
    vm->link().end_attempt();
    if (!pass) pass.emplace(co_await vm->turn().enter());
    settle_relays(*vm);
    vm->spawn("departures", drive_departures(vm));
    co_await resume_removals(vm);
    co_await clean_orphans(vm);
    settle_unused_regions(vm);
    resume_migration(vm);
    resume_hold(vm);
    undo_unfinished(vm);
    settle_declared(vm);
    co_return Result<void>();
}

void log_connected(const Vm& vm) {
    const Capabilities& capabilities = *vm.capabilities();
    std::string models;
    for (const Model model : capabilities.models) models += " " + std::string(qom_type(model));
    log_info({vm.name(), ": connected to QEMU ", to_string(capabilities.version), " (",
              printable(capabilities.machine_type), "), run state ", printable(vm.run_state()),
              ", models:", models.empty() ? " none" : models,
              ", devices: ", std::to_string(vm.inventory().devices.size())},
             {{"VM", vm.name()}});
}

// One connection from beginning to end. True when the VM was reached.
awaitable<bool> follow_connection(std::shared_ptr<Vm> vm, UniqueFd& fd) {
    Identity identity = identify(fd.get(), vm->config().qmp_socket);
    const std::shared_ptr<Session> session = make_session(vm, std::move(fd));
    vm->spawn("monitor", read_to_end(vm, session));
    vm->link().connecting(session);
    std::optional<qmp::Greeting> greeting = co_await await_greeting(vm, session, identity.user);
    bool reached = false;
    if (greeting) {
        vm->link().greeted();
        // Not before: a bridge that greets has said all it knows.
        believe_note(identity, vm->config().qmp_socket);
        const Result<void> known =
            co_await get_to_know(vm, session, std::move(*greeting), std::move(identity));
        if (!known) session->close(known.error());
        reached = known.has_value();
    }
    if (reached) log_connected(*vm);
    co_await session->wait_end();
    vm->disconnect(session->cause()->message);
    if (reached) log_info({vm->name(), ": ", session->cause()->message}, {{"VM", vm->name()}});
    co_return reached;
}

awaitable<void> follow(std::shared_ptr<Vm> vm) {
    std::minstd_rand random(std::random_device{}());
    Backoff backoff(vm->host().deadlines.backoff_min, vm->host().deadlines.backoff_max);
    while (!vm->stopping()) {
        Result<UniqueFd> fd = qmp::connect_monitor(vm->config().qmp_socket);
        if (fd) {
            if (co_await follow_connection(vm, *fd)) backoff.reset();
        } else {
            const Error error = fd.error();  // a copy in this Boost: nothing may point into it
            const auto& state = std::get<std::string>(error.details[0].second);
            const bool refused = std::get<std::string>(error.details[1].second) == "none";
            vm->link().failed(state == "busy" ? VmState::busy : VmState::unreachable, error.message,
                              refused);
        }
        vm->link().end_attempt();
        if (vm->stopping()) break;
        co_await vm->link().wait_retry(SteadyClock::now() + backoff.next(random));
    }
}

// False when something escaped.
awaitable<bool> follow_safely(std::shared_ptr<Vm> vm) {
    try {
        co_await follow(vm);
        co_return true;
    } catch (const std::exception& error) {
        log_error({vm->name(), ": unexpected: ", error.what(), "; beginning anew"},
                  {{"VM", vm->name()}});
    }
    co_return false;
}

}  // namespace

awaitable<void> supervise(std::shared_ptr<Vm> vm) {
    while (true) {  // g++ 12 miscompiles a co_await in the condition
        const bool well = co_await follow_safely(vm);
        if (well) break;
        vm->disconnect("an internal fault of ivshmemd");
        co_await vm->sleep_until(SteadyClock::now() + vm->host().deadlines.backoff_max);
    }
    co_await vm->ended();
}

}  // namespace ivshmemd
