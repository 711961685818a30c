#include <algorithm>

#include "lib/diagnosis/parts.h"
#include "lib/next_start.h"
#include "lib/resolve.h"
#include "lib/run_state.h"
#include "lib/shell_word.h"
#include "lib/size.h"

namespace ivshmemd {
namespace {

constexpr std::size_t few_slots = 2;
// What an advised port has room for, unless the VM has larger regions already.
constexpr std::uint64_t usual_region_size = std::uint64_t{64} << 20;

using Kind = FindingKind;
using enum FindingSeverity;

bool is_unverified(const DeviceFacts& facts) {
    return !facts.memory_path.empty() && !facts.memory_missing && facts.match == PathMatch::unknown;
}

class VmDiagnosis {
  public:
    VmDiagnosis(const VmFacts& vm, const std::string& daemon_user, std::vector<Finding>& findings)
        : vm_(vm), daemon_user_(daemon_user), findings_(findings) {}

    void connecting() {
        if (vm_.run_state == preconfig) {
            add(Kind::vm_unreachable, warning,
                "its QEMU was started with -preconfig and has made no machine yet",
                std::string(end_preconfig) + ", or by exit_preconfig in its HMP monitor");
            return;
        }
        add(Kind::vm_unreachable, note,
            "it is still being connected to, and nothing can be said of it yet" + reason(),
            "look again in some seconds; a QEMU with thousands of objects, or with very long "
            "names, takes a while to "
            "say what it holds");
    }

    void unreachable() {
        add(Kind::vm_unreachable, warning, "it cannot be reached" + reason(),
            "start the VM with -qmp unix:" + socket() +
                ",server=on,wait=off; if it runs, let the user " + daemon_user_ +
                " write to that socket (ls -l " + socket() + ")");
    }

    void unresponsive() {
        const std::string pid = vm_.pid ? std::to_string(*vm_.pid) : "PID";
        add(Kind::vm_unresponsive, problem, "its QEMU has stopped answering" + reason(),
            "if its process is stopped: kill -CONT " + pid +
                "; else see in QEMU's log and the kernel's what it waits for, often its storage");
    }

    void held() {
        if (vm_.held_by_bridge) {
            add(Kind::monitor_held, note, "it is not served for now" + reason(),
                "wait until that is over; virsh domjobinfo shows how far it is");
            return;
        }
        add(Kind::monitor_held, problem,
            "another client holds its monitor, or QEMU is stopped" + reason(),
            "end the client that ss -xp | grep -F " + socket() +
                " shows, or start the VM with a monitor that is ivshmemd's alone: "
                "-qmp unix:" +
                socket() + ",server=on,wait=off beside those of others, as ivshmem(7) tells");
    }

    void judge_models() {
        const Capabilities& capabilities = *vm_.capabilities;
        const std::string qemu = "its QEMU " + to_string(capabilities.version);
        if (capabilities.models.empty()) {
            add(Kind::no_model, problem, qemu + " has no ivshmem device",
                "start the VM with a QEMU that has one: qemu-system-x86_64 -device help | "
                "grep ivshmem");
            return;
        }
        if (capabilities.models == std::set<Model>{Model::legacy}) {
            add(Kind::legacy_only, warning,
                qemu + " has the legacy ivshmem device alone, which later ones have not",
                "start the VM with QEMU 3.1 or newer, which has ivshmem-plain and "
                "ivshmem-doorbell");
        }
        if (capabilities.version < oldest_changed) {
            add(Kind::qemu_too_old, problem,
                qemu + " aborts when a device is plugged in again, so nothing is changed in it",
                "start the VM with QEMU 3.1 or newer");
        }
    }

    void judge_slots() {
        if (vm_.buses.empty()) {
            add(Kind::no_free_slot, warning, no_pci_bus, use_pci_machine);
            return;
        }
        const std::size_t free = count_free();
        if (free == 0) {
            add(Kind::no_free_slot, warning, "no hotpluggable PCI slot is free", more_slots());
        } else if (free <= few_slots) {
            add(Kind::few_free_slots, note,
                std::to_string(free) +
                    (free == 1 ? " hotpluggable PCI slot is" : " hotpluggable PCI slots are") +
                    " free",
                more_slots());
        }
        const std::optional<std::uint64_t> room = largest_room();
        if (room && *room < advised_size()) {
            add(Kind::small_window, note,
                "its free slots take regions of at most " + format_size(*room),
                "for larger ones " + more_slots());
        }
    }

    void judge_descriptors() {
        if (!vm_.descriptors || *vm_.descriptors * 4 < vm_.descriptor_limit * 3) return;
        add(Kind::few_descriptors, warning,
            "its QEMU has " + std::to_string(*vm_.descriptors) + " of the " +
                std::to_string(vm_.descriptor_limit) +
                " file descriptors that it may have; every device takes some, and without KVM a "
                "doorbell keeps them when it leaves",
            "start the VM with a higher limit, LimitNOFILE= or ulimit -n; detach no doorbells "
            "until then");
    }

    void judge_mappings() {
        const bool is_doubtful =
            std::any_of(vm_.devices.begin(), vm_.devices.end(), [](const DeviceFacts& each) {
                return each.device.state == DeviceState::attached && is_unverified(each);
            });
        if (!is_doubtful) return;
        const std::string pid = vm_.pid ? std::to_string(*vm_.pid) : "PID";
        std::string text = "whether its QEMU maps the files that are at its regions' paths now ";
        text += vm_.pid ? "cannot be told: /proc/" + pid + "/maps is not readable"
                        : "cannot be told: its process is not known";
        std::string mend = "compare as root: grep -F " + example_path() + " /proc/" + pid +
                           "/maps (inode in the fifth column) and stat -c %i " + example_path();
        if (!vm_.pid) mend += "; ss -xlp | grep -F " + socket() + " shows the PID";
        add(Kind::mapping_unknown, note, std::move(text), std::move(mend));
    }

  private:
    void add(Kind kind, FindingSeverity severity, std::string text, std::string mend) {
        findings_.push_back({kind, severity, vm_.name, std::nullopt, std::nullopt, std::move(text),
                             std::move(mend)});
    }

    std::string reason() const { return vm_.last_error ? ": " + *vm_.last_error : ""; }
    std::string socket() const { return shell_word(vm_.qmp_socket); }

    std::string example_path() const {
        const auto found =
            std::find_if(vm_.devices.begin(), vm_.devices.end(),
                         [](const DeviceFacts& each) { return is_unverified(each); });
        return shell_word(found->memory_path);
    }

    std::size_t count_free() const {
        std::size_t count = 0;
        for (const Bus& bus : vm_.buses) count += usable_slots(bus).size();
        return count;
    }

    // Of the free slots; nothing where there is none, or one without a limit.
    std::optional<std::uint64_t> largest_room() const {
        std::optional<std::uint64_t> largest;
        for (const Bus& bus : vm_.buses) {
            if (usable_slots(bus).empty()) continue;
            if (!bus.room) return std::nullopt;
            largest = std::max(largest.value_or(0), *bus.room);
        }
        return largest;
    }

    std::uint64_t advised_size() const {
        std::uint64_t size = usual_region_size;
        for (const DeviceFacts& each : vm_.devices) size = std::max(size, each.device.spec.size);
        return size;
    }

    std::string more_slots() const {
        std::string text;
        for (const std::string& each : arguments_for_more_slots(vm_.buses, advised_size())) {
            text += (text.empty() ? "start the VM with another slot: " : " or ") + each;
        }
        return text;
    }

    const VmFacts& vm_;
    const std::string& daemon_user_;
    std::vector<Finding>& findings_;
};

}  // namespace

void diagnose_vm(const VmFacts& vm, const std::string& daemon_user,
                 std::vector<Finding>& findings) {
    VmDiagnosis diagnosis(vm, daemon_user, findings);
    switch (vm.state) {
        case VmState::connecting:
            return diagnosis.connecting();
        case VmState::busy:
            return diagnosis.held();
        case VmState::unreachable:
            return diagnosis.unreachable();
        case VmState::unresponsive:
            diagnosis.unresponsive();
            break;
        case VmState::connected:
            break;
    }
    if (vm.capabilities) diagnosis.judge_models();
    if (vm.capabilities) diagnose_manager(vm, findings);
    diagnosis.judge_slots();
    diagnosis.judge_descriptors();
    diagnosis.judge_mappings();
}

}  // namespace ivshmemd
