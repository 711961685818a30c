"""The machines whose buses are recorded: name -> arguments of QEMU.

"Native" is hotplug by the ports themselves, all that QEMU had for q35 before 6.1; else ACPI plugs.
"""


def with_devices(machine, *devices):
    return ["-machine", *machine, *(word for device in devices for word in ("-device", device))]


def port(number, more=""):
    return f"pcie-root-port,id=rp{number},chassis={number},slot={number}{more}"


Q35, PC = ["q35"], ["pc"]
Q35_NATIVE = [*Q35, "-global", "ICH9-LPC.acpi-pci-hotplug-with-bridge-support=off"]
PXB = ["pxb-pcie,id=pxb,bus_nr=64,bus=pcie.0", "pcie-root-port,bus=pxb,chassis=9,slot=9"]

TOPOLOGIES = {
    "q35": with_devices(Q35, port(1), port(2)),
    "q35-port-off": with_devices(
        Q35, port(1), port(2, ",hotplug=off"), port(3, ",hotplug=off"),
        "pcie-pci-bridge,id=br,bus=rp3"),
    "q35-bridge": with_devices(Q35, port(1), "pcie-pci-bridge,id=br,bus=rp1", port(2)),
    "q35-nested-bridges": with_devices(
        Q35, port(1), "pcie-pci-bridge,id=br,bus=rp1",
        "pci-bridge,id=br1,chassis_nr=11,bus=br,addr=2",
        "pci-bridge,id=br2,chassis_nr=12,shpc=off,bus=br1,addr=3"),
    "q35-pxb": with_devices(Q35, port(1), *PXB),
    # A port that names no bus: QEMU puts it below the pxb.
    "q35-pxb-first": with_devices(Q35, *PXB, port(1)),
    "q35-switch": with_devices(
        Q35, port(1), "x3130-upstream,id=up,bus=rp1",
        "xio3130-downstream,id=dn1,bus=up,chassis=21,slot=21",
        "xio3130-downstream,id=dn2,bus=up,chassis=22,slot=22"),
    "q35-multifunction": with_devices(
        Q35, port(1, ",addr=5.0,multifunction=on"), port(2, ",addr=5.1"), port(3, ",addr=5.2")),
    "q35-named-like-root": with_devices(Q35, "pcie-root-port,id=pcie.0,chassis=1,slot=1"),
    "q35-no-power": with_devices(Q35, port(1, ",power_controller_present=off"), port(2)),
    "q35-native": with_devices(Q35_NATIVE, port(1), port(2)),
    "q35-native-port-off": with_devices(Q35_NATIVE, port(1), port(2, ",hotplug=off")),
    "q35-native-no-power": with_devices(
        Q35_NATIVE, port(1, ",power_controller_present=off"), port(2)),
    "q35-native-bridge": with_devices(Q35_NATIVE, port(1), "pcie-pci-bridge,id=br,bus=rp1"),
    "microvm": with_devices(["microvm,pcie=on"], port(1)),
    "pc": with_devices(PC),
    "pc-root-off": with_devices(
        [*PC, "-global", "PIIX4_PM.acpi-root-pci-hotplug=off"], "pci-bridge,id=br1,chassis_nr=1"),
    "pc-bridges": with_devices(
        PC, "pci-bridge,id=br1,chassis_nr=1",
        "pci-bridge,id=br2,chassis_nr=2,shpc=off,bus=br1,addr=3"),
    "pc-shpc": with_devices(
        [*PC, "-global", "PIIX4_PM.acpi-pci-hotplug-with-bridge-support=off"],
        "pci-bridge,id=br1,chassis_nr=1,shpc=on", "pci-bridge,id=br2,chassis_nr=2,shpc=off"),
    "pc-anonymous-bridges": with_devices(PC, "pci-bridge,chassis_nr=1", "pci-bridge,chassis_nr=2"),
}
