#include "daemon/vm/declared_record.h"

#include <algorithm>

namespace ivshmemd {
namespace {

bool is_of(const DeclaredRecord& record, const std::string& vm, const std::string& device) {
    return record.vm == vm && record.device == device;
}

awaitable<void> put_fate(std::shared_ptr<Vm> vm, DeclaredRecord record, DeclaredFate fate) {
    record.fate = fate;
    record.run = vm->identity().run;
    vm->declared().failures.erase(record.device);
    co_await put_declared(vm->host(), std::move(record));
}

}  // namespace

std::optional<DeclaredRecord> declared_record(const Vm& vm, const std::string& device) {
    const auto* found = find_declared_record(vm.host().store->get().declared, vm.name(), device);
    if (!found) return std::nullopt;
    return *found;
}

awaitable<void> put_declared(Host& host, DeclaredRecord record) {
    SavedState state = host.store->get();
    const auto known = std::find_if(
        state.declared.begin(), state.declared.end(),
        [&](const DeclaredRecord& each) { return is_of(each, record.vm, record.device); });
    if (known != state.declared.end()) {
        *known = std::move(record);
    } else {
        state.declared.push_back(std::move(record));
    }
    co_await host.store->put(std::move(state));
}

awaitable<void> keep_away(std::shared_ptr<Vm> vm, std::string device) {
    const bool declared = find_declaration(vm->host().config.declarations, vm->name(), device);
    const std::optional<DeclaredRecord> record = declared_record(*vm, device);
    if (!declared && !record) co_return;
    DeclaredRecord changed = record.value_or(DeclaredRecord{vm->name(), device, {}, {}, {}});
    co_await put_fate(vm, std::move(changed), DeclaredFate::away);
}

awaitable<void> note_by_hand(std::shared_ptr<Vm> vm, std::string device) {
    std::optional<DeclaredRecord> record = declared_record(*vm, device);
    if (record) co_await put_fate(vm, std::move(*record), DeclaredFate::none);
}

awaitable<void> forget_undeclared(Host& host, AwayDevices away) {
    std::vector<std::string> vms;
    for (const VmConfig& each : host.config.vms) vms.push_back(each.name);
    SavedState state = host.store->get();
    for (DeclaredRecord& each : state.declared) {
        const bool returns = each.fate == DeclaredFate::away && away == AwayDevices::come_back;
        if (returns) each.fate = DeclaredFate::attached;
    }
    follow_declarations(state.declared, host.config.declarations, vms);
    co_await host.store->put(std::move(state));
}

}  // namespace ivshmemd
