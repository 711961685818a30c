#include "daemon/hold/notes.h"

#include <algorithm>

#include "daemon/host.h"
#include "daemon/state/migrations.h"
#include "daemon/vm/migration_watch.h"

namespace ivshmemd {
namespace {

using Phase = HoldNote::Phase;

std::shared_ptr<Vm> vm_of_note(const Host& host, const std::string& name) {
    const auto found = host.vms.find(name);
    return found == host.vms.end() ? nullptr : found->second;
}

std::vector<std::string> names_in(const std::vector<DeviceSpec>& devices) {
    std::vector<std::string> names;
    for (const DeviceSpec& each : devices) names.push_back(each.name);
    return names;
}

Phase phase_of(const HoldStory& story) {
    if (story.phase() == HoldPhase::taking) return Phase::taking;
    return story.phase() == HoldPhase::held ? Phase::held : Phase::returning;
}

HoldNote live_note(const std::string& vm, const Hold& hold) {
    HoldNote note{vm, phase_of(hold.story), names_in(hold.devices), "", ""};
    switch (note.phase) {
        case Phase::taking:
            note.text = "the guest is asked to let devices go, for a client that wants to hold it";
            break;
        case Phase::held:
            note.text = "a client has something else migrate or save it";
            if (!hold.warnings.empty()) {
                note.text += ", of which 'ivshmemctl can-migrate " + vm + "' has to warn";
            }
            break;
        case Phase::returning:
        case Phase::out:
            note.text = hold.doing.empty() ? "what was taken out comes back" : hold.doing;
    }
    return note;
}

// Where the VM is now, as far as this daemon sees.
std::string whereabouts(const Host& host, const MigrationRecord& record) {
    for (const auto& [name, vm] : host.vms) {
        const bool same = vm->uuid() == record.uuid && is_real_uuid(record.uuid);
        if (same && name != record.vm && vm->session() && vm->run_state() != "inmigrate") {
            return name;
        }
    }
    return record.vm;
}

std::vector<std::string> names_not_there(const Host& host, const MigrationRecord& record) {
    std::vector<std::string> names = names_in(record.devices);
    const std::shared_ptr<Vm> vm = vm_of_note(host, whereabouts(host, record));
    if (!vm || !vm->session() || vm->uuid() != record.uuid) return names;
    std::erase_if(names, [&](const std::string& name) {
        const std::optional<Device> device = vm->device(name);
        return device && device->state == DeviceState::attached;
    });
    return names;
}

std::optional<HoldNote> note_of(const Host& host, const MigrationRecord& record) {
    HoldNote note{record.vm, Phase::out, names_not_there(host, record), "", ""};
    if (note.devices.empty()) return std::nullopt;
    note.forget = "ivshmemctl replug " + record.vm + " --forget";
    const std::shared_ptr<Vm> vm = vm_of_note(host, record.vm);
    if (vm && vm->migration().plugging_back()) {
        note.phase = Phase::returning;
        note.text = "plugged in again once the guest, which was asked too late, lets go";
        return note;
    }
    note.mend = "ivshmemctl replug " + whereabouts(host, record);
    if (record.phase == MigrationPhase::completed) {
        note.text = "the VM left while a client held it";
    } else if (!vm || !vm->session()) {
        note.text = "plugged in again when the VM is connected";
    } else {
        note.text = "what was taken out could not be plugged in again";
    }
    return note;
}

}  // namespace

std::vector<HoldNote> hold_notes(const Host& host, const std::optional<std::string>& only) {
    std::vector<HoldNote> notes;
    const auto wanted = [&](const std::string& name) { return !only || *only == name; };
    for (const auto& [name, hold] : host.holds) {
        if (wanted(name)) notes.push_back(live_note(name, *hold));
    }
    for (const MigrationRecord& record : host.store->get().migrations) {
        if (!is_hold(record) || !wanted(record.vm) || host.holds.contains(record.vm)) continue;
        if (auto note = note_of(host, record)) notes.push_back(std::move(*note));
    }
    std::sort(notes.begin(), notes.end(),
              [](const HoldNote& a, const HoldNote& b) { return a.vm < b.vm; });
    return notes;
}

std::vector<DeviceSpec> left_out(const Host& host, const std::string& vm) {
    for (const MigrationRecord& record : host.store->get().migrations) {
        if (is_hold(record) && record.vm == vm) return record.devices;
    }
    return {};
}

}  // namespace ivshmemd
