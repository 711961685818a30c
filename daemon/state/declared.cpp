#include "daemon/state/declared.h"

#include <algorithm>

namespace ivshmemd {
namespace {

bool is_of(const DeclaredRecord& record, const std::string& vm, const std::string& device) {
    return record.vm == vm && record.device == device;
}

awaitable<void> put_fate(StateStore& store, DeclaredRecord record, DeclaredFate fate,
                         std::string run) {
    record.fate = fate;
    record.run = std::move(run);
    co_await put_declared(store, std::move(record));
}

}  // namespace

std::optional<DeclaredRecord> declared_record(const StateStore& store, const std::string& vm,
                                              const std::string& device) {
    const auto* found = find_declared_record(store.get().declared, vm, device);
    if (!found) return std::nullopt;
    return *found;
}

awaitable<void> put_declared(StateStore& store, DeclaredRecord record) {
    const StateStore::Edit edit = [&](SavedState& state) {
        const auto known = std::find_if(
            state.declared.begin(), state.declared.end(),
            [&](const DeclaredRecord& each) { return is_of(each, record.vm, record.device); });
        if (known == state.declared.end()) {
            state.declared.push_back(record);
            return true;
        }
        if (*known == record) return false;
        *known = record;
        return true;
    };
    co_await store.change(edit);
}

awaitable<void> drop_declared(StateStore& store, std::string vm, std::string device) {
    const StateStore::Edit edit = [&](SavedState& state) {
        return std::erase_if(state.declared, [&](const DeclaredRecord& each) {
                   return is_of(each, vm, device);
               }) > 0;
    };
    co_await store.change(edit);
}

awaitable<void> keep_away(StateStore& store, VmKey vm, std::string device, bool declared) {
    const std::optional<DeclaredRecord> record = declared_record(store, vm.name, device);
    if (!declared && !record) co_return;
    DeclaredRecord changed = record.value_or(DeclaredRecord{vm.name, device, {}, {}, {}});
    co_await put_fate(store, std::move(changed), DeclaredFate::away, std::move(vm.run));
}

awaitable<void> note_by_hand(StateStore& store, VmKey vm, std::string device) {
    std::optional<DeclaredRecord> record = declared_record(store, vm.name, device);
    if (!record) co_return;
    co_await put_fate(store, std::move(*record), DeclaredFate::none, std::move(vm.run));
}

awaitable<void> forget_undeclared(StateStore& store, const Config& config, AwayDevices away) {
    std::vector<std::string> vms;
    for (const VmConfig& each : config.vms) vms.push_back(each.name);
    SavedState state = store.get();
    for (DeclaredRecord& each : state.declared) {
        const bool returns = each.fate == DeclaredFate::away && away == AwayDevices::come_back;
        if (returns) each.fate = DeclaredFate::attached;
    }
    follow_declarations(state.declared, config.declarations, vms);
    co_await store.put(std::move(state));
}

}  // namespace ivshmemd
