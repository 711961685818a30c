#!/usr/bin/env python3
"""Records what a QEMU tells about its PCI buses, and which of them really take a device.

usage: record_buses.py QEMU_BINARY OUTPUT.jsonl

For each topology: {"topology", "arguments", "version"}, then {"send", "recv"} for each question,
then {"truth": QOM path of a bus, "name": what device_add was told, "addr", "reply", "parent_bus":
where the device landed}. Each truth is of a QEMU of its own, equal to the one that was asked.
"partial" listings show but what may have a bus below and what is asked for. A topology that QEMU
refuses has "refused", what it said.
"""

import json
import sys

from bus_machine import Machine, Refused, request
from bus_topologies import TOPOLOGIES

# What the walk does not enter. CPUs have hundreds of properties and no bus.
LEAVES = ("memory-region", "irq", "clock", "-cpu")
ASKED_OF_BUSES = ("type", "hotplug-handler", "realized", "acpi-pcihp-bsel")
ASKED_OF_DEVICES = (
    "type", "parent_bus", "addr", "hotplug", "multifunction", "chassis", "chassis_nr", "slot",
    "shpc", "bus_nr", "pref64-reserve", "power_controller_present", "x-native-hotplug",
    "pci-hole-start", "pci-hole-end", "pci-hole64-start", "pci-hole64-end")
ACPI = "acpi-pci"  # what the properties of one that does hotplug through ACPI begin with
ASKED_OF_HANDLERS = ("acpi-root-pci-hotplug", "acpi-pci-hotplug-with-bridge-support")
ASKED_OF_BACKENDS = ("mem-path", "size", "share")
CONTAINERS = ("/machine/peripheral", "/machine/peripheral-anon")
PORTS = ("pcie-root-port", "ioh3420", "xio3130-downstream")


def child_type(entry):
    """Of a child that may have a bus below; None of other properties."""
    kind = entry["type"]
    if not kind.startswith("child<") or any(leaf in kind for leaf in LEAVES):
        return None
    return kind[len("child<"):-1]


def parent_of(path):
    return path.rpartition("/")[0]


def last_part(path):
    return path.rpartition("/")[2]


class Tree:
    """All objects of a machine but the leaves: their types and what they list."""

    def __init__(self, machine):
        self.machine = machine
        self.types, self.lists = {"/machine": "machine"}, {}
        self.bus_types = {each["name"] for each in machine.ask(
            "qom-list-types", implements="PCI")["return"]}
        self.walk("/machine")
        self.buses = [path for path, kind in self.types.items() if kind in self.bus_types]

    def walk(self, path):
        self.lists[path] = self.machine.list(path)
        for entry in self.lists[path]:
            kind = child_type(entry)
            if kind:
                self.types[f"{path}/{entry['name']}"] = kind
                self.walk(f"{path}/{entry['name']}")

    def members(self, bus):
        links = [each["name"] for each in self.lists[bus] if each["name"].startswith("child[")]
        return [self.machine.get(bus, link) for link in links]

    def handlers(self):
        found = {self.machine.get(bus, "hotplug-handler") for bus in self.buses}
        return found & self.types.keys()

    def owners(self):
        return {parent_of(bus) for bus in self.buses}

    def of_users(self):
        return {path for path in self.types if parent_of(path) in CONTAINERS}

    def devices(self):
        """Owners of buses, what is on the buses, their hotplug handlers and what users added."""
        found = self.owners() | self.handlers() | self.of_users()
        for bus in self.buses:
            found.update(self.members(bus))
        return found & self.types.keys()

    def shown_whole(self):
        return {*CONTAINERS, *self.buses} | self.owners() | self.of_users()

    def qdev_paths(self, bus):
        """The ways to say which bus is meant where its name is not enough."""
        owner = parent_of(bus)
        above = self.machine.get(owner, "parent_bus")
        if above not in self.buses:
            return [f"/{self.types[owner]}/{last_part(bus)}"]
        anonymous = parent_of(owner) != CONTAINERS[0]
        owner_name = self.types[owner] if anonymous else last_part(owner)
        ways = [f"{way}/{owner_name}" for way in [*self.qdev_paths(above), last_part(above)]]
        return [*ways, f"{ways[0]}/{last_part(bus)}"]

    def names(self, bus):
        """What device_add can be told: the name, and paths if others have the same."""
        name = last_part(bus)
        if [last_part(each) for each in self.buses].count(name) == 1:
            return [name]
        return [name, *self.qdev_paths(bus)]

    def address(self, bus):
        """Ports have one slot; elsewhere the first ones are taken."""
        return "00" if self.types[parent_of(bus)] in PORTS else "1e"


class Recorder:
    """Writes the lines of one topology."""

    def __init__(self, output, machine):
        self.output, self.machine = output, machine

    def write(self, line):
        json.dump(line, self.output, separators=(",", ":"))
        self.output.write("\n")

    def record(self, command, **arguments):
        self.write({"send": request(command, **arguments),
                    "recv": self.machine.ask(command, **arguments)})

    def record_machine(self, tree):
        for command in ("query-version", "query-status", "query-chardev", "query-pci"):
            self.record(command)
        for base in ("PCI", "pci-host-bridge"):
            self.record("qom-list-types", implements=base)
        self.record_beside("/objects", "memory-backend-", ASKED_OF_BACKENDS)
        self.record_beside("/chardevs", "chardev-", ("addr",))
        devices, handlers, whole = tree.devices(), tree.handlers(), tree.shown_whole()
        for path, entries in tree.lists.items():
            names = {each["name"] for each in entries}
            self.record_list(path, entries, path in whole)
            if path in tree.buses:
                links = sorted(name for name in names if name.startswith("child["))
                self.record_properties(path, [*ASKED_OF_BUSES, *links])
            if path in devices or path == "/machine":
                self.record_properties(path, [name for name in ASKED_OF_DEVICES if name in names])
            if path in handlers:
                self.record_properties(path, ASKED_OF_HANDLERS)

    def record_properties(self, path, names):
        for name in names:
            self.record("qom-get", path=path, property=name)

    def record_beside(self, container, kind, names):
        """Objects that are not of the machine."""
        self.record("qom-list", path=container)
        for entry in self.machine.list(container):
            if entry["type"].startswith(f"child<{kind}"):
                self.record_properties(f"{container}/{entry['name']}", names)

    def record_list(self, path, entries, whole):
        line = {"send": request("qom-list", path=path)}
        if not whole:
            line["partial"] = True
            entries = [each for each in entries
                       if child_type(each) or each["name"] in ASKED_OF_DEVICES
                       or each["name"].startswith(ACPI)]
        self.write({**line, "recv": {"return": entries}})

    def record_truth(self, bus, name, address):
        """On a QEMU that was only started, with a backend that is used once: QEMU may die else."""
        with Machine(self.machine.binary, self.machine.arguments) as machine:
            added = machine.ask("object-add", qom_type="memory-backend-ram", id="mem",
                                size=1 << 20, share=True)
            assert "return" in added, added
            reply = machine.ask("device_add", driver="ivshmem-plain", id="new", memdev="mem",
                                bus=name, addr=address)
            landed = machine.get("/machine/peripheral/new", "parent_bus")
        self.write({"truth": bus, "name": name, "addr": address, "reply": reply,
                    "parent_bus": landed})


def version_of(machine):
    numbers = machine.ask("query-version")["return"]["qemu"]
    return "{major}.{minor}.{micro}".format(**numbers)


def record(output, binary, topology, arguments):
    header = {"topology": topology, "arguments": arguments}
    recorder = Recorder(output, Machine(binary, arguments))
    try:
        with recorder.machine as machine:
            recorder.write({**header, "version": version_of(machine)})
            tree = Tree(machine)
            recorder.record_machine(tree)
            truths = [(bus, name, tree.address(bus)) for bus in tree.buses
                      for name in tree.names(bus)]
    except Refused as refusal:
        recorder.write({**header, "refused": str(refusal)})
        return
    for bus, name, address in truths:
        recorder.record_truth(bus, name, address)


def main():
    binary, path = sys.argv[1:]
    with open(path, "w", encoding="utf-8") as output:
        for topology, arguments in TOPOLOGIES.items():
            print(topology, flush=True)
            record(output, binary, topology, arguments)


if __name__ == "__main__":
    main()
