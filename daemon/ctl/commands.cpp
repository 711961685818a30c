#include <array>

#include "daemon/ctl/command.h"

namespace ivshmemd::ctl {

std::span<const Command> commands() {
    static constexpr std::array table{
        Command{"vms", "List the VMs the daemon looks after", declare_vms},
        Command{"probe", "Show what a VM's QEMU can do and where it has room", declare_probe},
        Command{"attach", "Plug a shared memory device into a running VM", declare_attach},
        Command{"detach", "Take a device out of a VM", declare_detach},
        Command{"list", "List shared memory devices, of one VM or of all", declare_list},
        Command{"show", "Show everything about one device", declare_show},
        Command{"regions", "List shared memory regions and who uses them", declare_regions},
        Command{"region", "Remove a region that nobody uses", declare_region},
        Command{"events", "Watch what happens, until Ctrl-C", declare_events},
        Command{"doctor", "Find what is wrong and tell how to mend it", declare_doctor},
        Command{"topology", "Show which VMs share which memory", declare_topology},
        Command{"apply", "Bring VMs to what a file describes, all or none", declare_apply},
        Command{"export", "Write what is there as a file for apply", declare_export},
        Command{"can-migrate", "Tell whether a VM can migrate, and why not", declare_can_migrate},
        Command{"migrate", "Migrate a VM, with its peers taken out", declare_migrate},
        Command{"replug", "Plug in again what a migration took out", declare_replug},
        Command{"without-peers", "Run a command while a VM's peers are out", declare_without_peers},
        Command{"qemu-args", "Print what a destination QEMU needs", declare_qemu_args},
        Command{"libvirt-xml", "Print what makes a VM's devices permanent", declare_libvirt_xml},
        Command{"ring", "Ring a peer of a doorbell server, to try it", declare_ring},
        Command{"bridge", "Pass the API on over standard input and output", declare_bridge},
        Command{"help", "Print the help of a command", declare_help},
        Command{"version", "Print the versions of this client and of the daemon", declare_version},
    };
    return table;
}

}  // namespace ivshmemd::ctl
