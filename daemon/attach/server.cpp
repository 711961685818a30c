#include "daemon/attach/server.h"

#include <unistd.h>

#include "daemon/vm/vm.h"
#include "lib/size.h"

namespace ivshmemd {
namespace {

ServerTerms terms_of(const Vm& vm, const Config& config, const DeviceSpec& spec) {
    ServerTerms terms;
    terms.path = *spec.server;
    terms.trust = {::geteuid(), vm.qemu_user(), config.trusted_users};
    terms.vectors = spec.vectors.value_or(1);
    terms.size_limit = config.region_size_limit;
    return terms;
}

// A master's content travels in a migration; ids other than 0 may find it in use already.
Error not_first(const std::string& server, std::uint16_t id) {
    const std::string reason = "the server gives id " + std::to_string(id) +
                               ", and only the first peer, with id 0, can be master";
    return Error(ErrorKind::config_unsupported,
                 "configuration unsupported: " + server + ": " + reason, {{"reason", reason}});
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
    if (spec.role == Role::master) {
        if (server->id != 0) co_return not_first(*spec.server, server->id);
        const Result<void> only = check_only_master(*vm, server->file, *spec.server, spec.name);
        if (!only) co_return only.error();
    }
    if (const auto unavailable = vm->unavailable()) co_return *unavailable;
    decision.server = std::make_shared<ServerConnection>(std::move(*server));
    co_return Result<void>();
}

}  // namespace ivshmemd
