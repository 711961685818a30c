#include "daemon/attach/server.h"

#include <unistd.h>

#include "daemon/relay/server_memory.h"
#include "daemon/state/doorbells.h"
#include "daemon/vm/descriptors.h"
#include "daemon/vm/vm.h"
#include "lib/size.h"

namespace ivshmemd {
namespace {

ServerTerms terms_of(const Vm& vm, const Config& config, const DeviceSpec& spec) {
    ServerTerms terms;
    terms.path = *spec.server;
    terms.trust = {::geteuid(), vm.qemu_user(), config.trusted_users};
    terms.vectors = spec.vectors;
    terms.size_limit = config.region_size_limit;
    terms.pause = vm.host().deadlines.vectors;
    return terms;
}

// A master's content travels in a migration; ids other than 0 may find it in use already.
Error not_first(const std::string& server, std::uint16_t id) {
    const std::string reason = "the server gives id " + std::to_string(id) +
                               ", and only the first peer, with id 0, can be master";
    return Error(ErrorKind::config_unsupported,
                 "configuration unsupported: " + server + ": " + reason, {{"reason", reason}});
}

/// How the reservation of a server's memory ended; it may outlive who waits for it.
struct Reservation {
    bool over = false;
    std::string problem;
};

awaitable<void> reserve_in_worker(std::shared_ptr<Vm> vm, std::shared_ptr<ServerConnection> server,
                                  std::shared_ptr<Reservation> reservation) {
    const auto reserve = [server, percent = vm->host().config.reserve_percent] {
        return reserve_memory(*server, percent);
    };
    reservation->problem = co_await vm->host().worker.run(reserve);
    reservation->over = true;
    vm->changed().notify_all();
}

// The memory's, and that of the relay.
constexpr std::size_t handshake_descriptors = 2;

// Between two looks at whether QEMU has read what the relay sent.
constexpr Milliseconds relay_pause{2};

// Added to the bound of a device that has not got all of its numbers in that time.
constexpr int later_numbers = 64;

awaitable<Result<void>> reserve_numbers(std::shared_ptr<Vm> vm, Decision& decision,
                                        std::size_t wanted) {
    const bool watched = !vm->has_kernel_interrupts(decision.spec);
    Gate::Pass pass = co_await vm->take_numbers();
    if (watched) {
        const Result<void> spare = co_await hold_spare(vm);
        if (!spare) co_return spare.error();
    }
    Result<NextDescriptors> next = co_await next_descriptors(vm, wanted);
    pass.release();
    if (!next) co_return next.error();
    if (!watched) co_return Result<void>();
    // Before QEMU has any of them: a daemon that is killed now leaves a device that can be
    // detached.
    const DescriptorRange range{0, next->top};
    co_await remember_doorbell(*vm->host().store, vm->key(), decision.spec.name, range);
    decision.descriptors = std::move(*next);
    co_return Result<void>();
}

}  // namespace

awaitable<Result<void>> meet_server(std::shared_ptr<Vm> vm, Decision& decision) {
    Host& host = vm->host();
    DeviceSpec& spec = decision.spec;
    ServerTerms terms = terms_of(*vm, host.config, spec);
    Result<ServerConnection> server =
        co_await connect_to_server(host.executor, std::move(terms), host.deadlines.handshake);
    if (!server) co_return server.error();
    if (spec.size != 0 && spec.size != server->size) {
        co_return Error(ErrorKind::region_mismatch,
                        *spec.server + " shares " + format_size(server->size) +
                            ", not the requested " + format_size(spec.size) +
                            "; leave the size out");
    }
    spec.size = server->size;
    spec.vectors = server->vectors;
    if (spec.role == Role::master) {
        if (server->id != 0) co_return not_first(*spec.server, server->id);
        const Mapping memory = whole_file(server->file, server->size);
        const Result<void> only = check_only_master(*vm, memory, *spec.server, spec.name);
        if (!only) co_return only.error();
    }
    if (const auto unavailable = vm->unavailable()) co_return *unavailable;
    decision.server = std::make_shared<ServerConnection>(std::move(*server));
    co_return Result<void>();
}

awaitable<Result<void>> reserve_server_memory(std::shared_ptr<Vm> vm, Decision& decision) {
    const DeviceSpec& spec = decision.spec;
    const auto reservation = std::make_shared<Reservation>();
    vm->spawn("memory of " + spec.name, reserve_in_worker(vm, decision.server, reservation));
    const SteadyClock::time_point until = SteadyClock::now() + vm->host().deadlines.reserved;
    while (!reservation->over && !vm->unavailable() && SteadyClock::now() < until) {
        co_await vm->changed().wait_until(until);
    }
    if (const auto unavailable = vm->unavailable()) co_return *unavailable;
    if (!reservation->over) {
        co_return server_unusable(*spec.server, "its " + format_size(spec.size) +
                                                    " are not all reserved yet, which goes on; "
                                                    "try again later");
    }
    if (reservation->problem.empty()) co_return Result<void>();
    co_return server_unusable(*spec.server, reservation->problem);
}

awaitable<Result<UniqueFd>> prepare_relay(std::shared_ptr<Vm> vm, Decision& decision) {
    if (!decision.spec.server) co_return UniqueFd();
    if (!decision.server) {
        const Result<void> met = co_await meet_server(vm, decision);
        if (!met) co_return met.error();
        const Result<void> reserved = co_await reserve_server_memory(vm, decision);
        if (!reserved) co_return reserved.error();
    }
    Relays& relays = vm->host().relays;
    std::shared_ptr<ServerConnection> server = std::exchange(decision.server, nullptr);
    const std::size_t own = server->announced.size() + handshake_descriptors;
    const std::size_t wanted = own + relays.outstanding(vm->name());
    Result<UniqueFd> end =
        co_await relays.prepare(vm->name(), decision.spec.name, std::move(server));
    if (!end) co_return end.error();
    // Last of all, for what else QEMU opens meanwhile may be any of these.
    const Result<void> reserved = co_await reserve_numbers(vm, decision, wanted);
    if (!reserved) co_return reserved.error();
    co_return std::move(*end);
}

awaitable<void> note_descriptors(std::shared_ptr<Vm> vm, DeviceSpec spec, NextDescriptors next) {
    const Relays& relays = vm->host().relays;
    const SteadyClock::time_point give_up = SteadyClock::now() + vm->host().deadlines.relayed;
    bool delivered = relays.delivered(vm->name(), spec.name);
    while (!delivered && SteadyClock::now() < give_up && !vm->unavailable()) {
        co_await vm->sleep_until(SteadyClock::now() + relay_pause);
        delivered = relays.delivered(vm->name(), spec.name);
    }
    if (!delivered) {  // what it takes later may be the next ones then
        const DescriptorRange range{0, next.top + later_numbers};
        co_await remember_doorbell(*vm->host().store, vm->key(), spec.name, range);
        co_return;
    }
    const Gate::Pass pass = co_await vm->take_numbers();
    if (!relays.connected(vm->name(), spec.name)) co_return;
    const std::size_t count = relays.passed(vm->name(), spec.name) + handshake_descriptors;
    const std::optional<DescriptorRange> range = co_await find_taken(vm, std::move(next), count);
    if (range) co_await remember_doorbell(*vm->host().store, vm->key(), spec.name, *range);
}

}  // namespace ivshmemd
