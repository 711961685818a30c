#!/usr/bin/env python3
"""ivshmemd with the running, unchanged domains of a real libvirtd, by ivshmemd-libvirt.

usage: libvirt_test.py DAEMON CLIENT DOORBELL BRIDGE [unittest arguments]
"""

import contextlib
import json
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest

from private_libvirtd import (BOOT, USER, Bridge, Libvirtd, Monitor, wait_until,
                              what_is_missing, write)

from machines import Daemon, die_with_parent  # noqa: E402: beside private_libvirtd's path

SKIPPED = 77
MIB = 1 << 20
SHMEM = ("<shmem name='{name}'><model type='ivshmem-plain'/><size unit='M'>1</size></shmem>")


class World:
    """One libvirtd for all tests: its first start takes long."""

    programs = ()  # daemon, client, doorbell server, bridge
    libvirtd = bridge = daemon = directory = regions = monitors = None

    @classmethod
    def build(cls, stack):
        cls.directory = stack.enter_context(tempfile.TemporaryDirectory(prefix="ivshmemd-l-"))
        cls.regions = stack.enter_context(tempfile.TemporaryDirectory(prefix="ivshmemd-l-",
                                                                      dir="/dev/shm"))
        os.chmod(cls.regions, 0o711)
        cls.monitors = f"{cls.directory}/monitors"
        os.mkdir(cls.monitors, 0o755)
        cls.libvirtd = Libvirtd(cls.directory, stack)
        cls.bridge = Bridge(cls.programs[3], cls.libvirtd, cls.monitors)
        stack.callback(cls.bridge.end)
        cls.start_daemon()
        stack.callback(lambda: cls.daemon.end())  # whichever it is by then

    @classmethod
    def start_daemon(cls):
        cls.daemon = Daemon(cls.programs[0], cls.directory, {}, cls.regions, "--vm-dir",
                            cls.monitors)


class LibvirtTest(unittest.TestCase):
    def setUp(self):
        self.libvirtd, self.bridge = World.libvirtd, World.bridge
        self.names = []
        self.addCleanup(self.remove_domains)

    def remove_domains(self):
        for name in self.names:
            self.libvirtd.virsh("destroy", name, check=False)
            self.libvirtd.virsh("managedsave-remove", name, check=False)
            self.libvirtd.virsh("undefine", name, check=False)
        wait_until(lambda: not self.vms(), "all domains to be gone", BOOT)

    def start(self, name, *arguments, **keywords):
        self.names.append(name)
        self.libvirtd.start_domain(name, *arguments, **keywords)

    def start_guest(self, name, machine):
        self.start(name, machine)
        console = self.libvirtd.console()
        self.addCleanup(console.socket.close)
        console.read_until("GUEST-READY\n")
        self.wait_connected(name)
        return console

    @staticmethod
    def client(*arguments):
        return [World.programs[1], "--socket", World.daemon.socket, *arguments]

    def ctl(self, status, *arguments):
        return self.ctl_any({status}, *arguments)

    def ctl_any(self, statuses, *arguments):
        done = subprocess.run(
            self.client("--json=short", *arguments), capture_output=True, text=True,
            stdin=subprocess.DEVNULL, timeout=300)
        self.assertIn(done.returncode, statuses, done.stdout + done.stderr)
        return json.loads(done.stdout)

    def vms(self):
        return {each["name"]: each for each in self.ctl(0, "vms")["vms"]}

    def wait_state(self, name, state):
        wait_until(lambda: self.vms().get(name, {}).get("state") == state,
                   f"{name} to be {state}", BOOT)

    def wait_connected(self, name):
        self.wait_state(name, "connected")

    def devices(self, vm):
        return {each["name"]: each for each in self.ctl(0, "list", vm)["devices"]}

    def address(self, vm, name):
        wait_until(lambda: self.devices(vm)[name]["guestMapped"], f"{name} in the guest", BOOT)
        return self.devices(vm)[name]["guestAddress"]

    def qemu_devices(self, vm):
        """What QEMU itself has, asked by libvirt."""
        listed = self.libvirtd.qmp(vm, "qom-list", path="/machine/peripheral")["return"]
        return {each["name"] for each in listed if "ivshmem" in each["type"]}

    def leftovers(self, vm):
        """What QEMU has of ours beside devices."""
        objects = self.libvirtd.qmp(vm, "qom-list", path="/objects")["return"]
        chardevs = self.libvirtd.qmp(vm, "query-chardev")["return"]
        return ([each["name"] for each in objects if each["name"].startswith("ivshmemd.")] +
                [each["label"] for each in chardevs if each["label"].startswith("ivshmemd.")])

    def start_doorbell(self):
        path = f"{World.directory}/doorbell.sock"
        server = subprocess.Popen([World.programs[2], "--socket", path, "--size", "1M",
                                   "--log-level", "warn"], preexec_fn=die_with_parent)
        self.addCleanup(server.wait)
        self.addCleanup(server.terminate)
        wait_until(lambda: os.path.exists(path), "the doorbell server")
        return path


class RunningDomain(LibvirtTest):
    def give_and_take(self, machine):
        console = self.start_guest("web", machine)
        before = self.libvirtd.virsh("dumpxml", "web").stdout
        self.assertEqual(self.vms()["web"]["pid"], self.bridge.note("web")["pid"])
        self.assertEqual(self.bridge.note("web")["uid"], USER)

        self.ctl(0, "attach", "web", "plain", "--size", "1M", "--role", "master")
        address = self.address("web", "plain")
        console.run(f"shm -d {address} write 64 from-guest")
        with open(f"{World.regions}/plain", "r+b") as region:
            region.seek(64)
            self.assertEqual(region.read(10), b"from-guest")
            region.seek(0)
            region.write(b"from-host")
            region.flush()
        self.assertEqual(console.run(f"shm -d {address} read 0 9"), "from-host")
        self.assertEqual(self.devices("web")["plain"]["sharing"], "shared")

        self.ctl(0, "attach", "web", "bell", "--server", self.start_doorbell())
        self.assertEqual(console.run(f"shm -d {self.address('web', 'bell')} position"), "0")
        self.assertEqual(self.qemu_devices("web"), {"ivshmemd.plain", "ivshmemd.bell"})

        for name in ("plain", "bell"):
            self.ctl(0, "detach", "web", name, "--timeout", str(BOOT))
        self.assertEqual(self.qemu_devices("web"), set())
        self.assertEqual(self.leftovers("web"), [])
        self.assertEqual(self.libvirtd.virsh("dumpxml", "web").stdout, before)

    def test_of_pc_gets_and_loses_devices(self):
        self.give_and_take("pc")

    def test_of_q35_gets_and_loses_devices(self):
        self.give_and_take("q35")


class Restarts(LibvirtTest):
    def test_of_each_program_leave_devices_that_go_with_a_reset(self):
        self.start("web", guest=False)
        self.wait_connected("web")
        self.ctl(0, "attach", "web", "plain", "--size", "1M")
        self.ctl(0, "attach", "web", "bell", "--server", self.start_doorbell())
        before = self.devices("web")
        run = self.bridge.note("web")["run"]
        for how in (signal.SIGTERM, signal.SIGKILL):
            for restart in (self.restart_daemon, self.bridge.restart, self.libvirtd.restart):
                restart(how)
                wait_until(lambda: self.bridge.serves("web"), "the bridge to serve", BOOT)
                self.wait_connected("web")
                self.assertEqual(self.bridge.note("web")["run"], run)
                after = self.devices("web")
                self.assertEqual(set(after), set(before))
                self.assertEqual({each["origin"] for each in after.values()}, {"managed"})
                self.assertEqual({each["state"] for each in after.values()}, {"attached"})
                self.assertTrue(os.path.exists(f"{World.regions}/plain"))
        for name in before:
            self.ctl(7, "detach", "web", name, "--no-wait")
        self.libvirtd.virsh("reset", "web")
        wait_until(lambda: not self.devices("web"), "both devices to go", BOOT)
        self.assertEqual(self.leftovers("web"), [])

    def restart_daemon(self, how):
        World.daemon.process.send_signal(how)
        World.daemon.process.wait(30)
        World.start_daemon()


    def test_a_libvirtd_that_hangs_makes_its_vms_unresponsive_and_no_more(self):
        self.start("web", guest=False)
        self.wait_connected("web")
        self.ctl(0, "attach", "web", "plain", "--size", "1M")
        self.libvirtd.process.send_signal(signal.SIGSTOP)
        self.addCleanup(self.libvirtd.process.send_signal, signal.SIGCONT)
        # TimedOut where something of it was on its way already when the silence was seen.
        answer = self.ctl_any({5, 7}, "attach", "web", "late", "--size", "1M")
        self.assertIn(answer["error"], ("VmUnavailable", "TimedOut"))
        self.wait_state("web", "unresponsive")
        self.assertIsNone(self.bridge.process.poll())
        self.libvirtd.process.send_signal(signal.SIGCONT)
        self.wait_connected("web")
        wait_until(lambda: self.qemu_devices("web") == {"ivshmemd.plain"}, "late to be undone",
                   BOOT)
        self.assertEqual(set(self.devices("web")), {"plain"})


class Kills(LibvirtTest):
    """Of libvirtd and of the bridge at any moment: what there is stays true, and nothing leaks."""

    TIMES = int(os.environ.get("IVSHMEMD_KILLS", "10"))

    def test_at_random_moments_lose_and_leak_nothing(self):
        self.start("web", guest=False)
        self.wait_connected("web")
        chance = random.Random(20261130)
        for number in range(self.TIMES):
            victim = chance.choice((self.bridge, self.libvirtd))
            with self.subTest(number=number, victim=type(victim).__name__):
                arguments = chance.choice((("attach", "web", "plain", "--size", "1M"),
                                           ("detach", "web", "plain", "--no-wait")))
                asking = subprocess.Popen(self.client(*arguments), stdout=subprocess.DEVNULL,
                                          stderr=subprocess.DEVNULL)
                time.sleep(chance.uniform(0, 0.15))  # that is the moment
                victim.restart(signal.SIGKILL)
                asking.wait(BOOT)
                self.settle()

    def settle(self):
        wait_until(lambda: self.bridge.serves("web"), "the bridge to serve", BOOT)
        self.wait_connected("web")
        self.libvirtd.virsh("reset", "web")  # which lets go what is asked for
        wait_until(self.is_true, "the daemon to know what QEMU has", BOOT)

    def is_true(self):
        known = {f"ivshmemd.{each}" for each in self.devices("web")}
        left = set(self.leftovers("web")) - {f"{each}.mem" for each in known}
        return self.qemu_devices("web") == known and not left


class BesideLibvirt(LibvirtTest):
    def live(self, command, name):
        path = f"{World.directory}/shmem.xml"
        write(path, SHMEM.format(name=name))
        self.libvirtd.virsh(command, "web", path, "--live")

    def test_its_own_shmem_comes_and_goes(self):
        self.addCleanup(lambda: [os.unlink(f"/dev/shm/{each}") for each in ("lv-first", "lv-second")
                                 if os.path.exists(f"/dev/shm/{each}")])
        console = self.start_guest("web", "pc")
        self.live("attach-device", "lv-first")
        self.ctl(0, "attach", "web", "ours", "--size", "1M")
        self.live("attach-device", "lv-second")
        wait_until(lambda: len(self.devices("web")) == 3, "three devices", BOOT)
        devices = self.devices("web")
        self.assertEqual({name: each["origin"] for name, each in devices.items()},
                         {"ours": "managed", "shmem0": "foreign", "shmem1": "foreign"})
        self.assertEqual(len({(each["bus"], each["slot"]) for each in devices.values()}), 3)
        answer = self.ctl(8, "detach", "web", "--qom-path", "/machine/peripheral/shmem0")
        self.assertIn("ivshmemd-libvirt passes on only", answer["parameters"]["message"])
        self.address("web", "ours")
        console.run("shm list")
        self.live("detach-device", "lv-first")
        wait_until(lambda: set(self.devices("web")) == {"ours", "shmem1"}, "shmem0 to go", BOOT)
        self.ctl(0, "detach", "web", "ours", "--timeout", str(BOOT))
        self.assertEqual(self.qemu_devices("web"), {"shmem1"})
        self.live("detach-device", "lv-second")
        wait_until(lambda: not self.devices("web"), "shmem1 to go", BOOT)


class OneList(LibvirtTest):
    """What the bridge lets through. The daemon is away: it would hold the monitor."""

    LISTED = {"add-fd", "chardev-add", "chardev-remove", "closefd", "device-list-properties",
              "device_add", "device_del", "getfd", "human-monitor-command", "object-add",
              "migrate-set-capabilities", "object-del", "qmp_capabilities", "qom-get", "qom-list", "qom-list-types",
              "query-chardev", "query-kvm", "query-memdev", "query-migrate",
              "query-migrate-capabilities", "query-migrate-parameters", "query-pci",
              "query-status", "query-uuid", "query-version", "remove-fd"}

    def setUp(self):
        World.daemon.end()
        self.addCleanup(World.start_daemon)
        super().setUp()

    def remove_domains(self):
        for name in self.names:
            self.libvirtd.virsh("destroy", name, check=False)
            self.libvirtd.virsh("undefine", name, check=False)

    def monitor(self, name):
        wait_until(lambda: self.bridge.serves(name), f"the monitor of {name}", BOOT)
        monitor = Monitor(f"{World.monitors}/{name}.qmp")
        self.addCleanup(monitor.close)
        return monitor

    def test_has_every_other_command_refused(self):
        self.start("web", guest=False)
        commands = {each["name"] for each in self.libvirtd.qmp("web", "query-commands")["return"]}
        unlisted = sorted(commands - self.LISTED)
        self.assertGreater(len(unlisted), 100)
        monitor = self.monitor("web")
        self.assertEqual(monitor.greeting["QMP"]["version"],
                         self.libvirtd.qmp("web", "query-version")["return"])
        self.assertEqual(monitor.ask("quit")["error"]["class"], "CommandNotFound")
        self.assertEqual(monitor.ask("qmp_capabilities", number=1), {"return": {}, "id": 1})
        for number, command in enumerate(unlisted):
            answer = monitor.ask(command, {}, number)
            self.assertEqual(answer["error"]["class"], "GenericError", command)
            self.assertIn(command, answer["error"]["desc"])
            self.assertEqual(answer["id"], number)
        self.assertTrue(monitor.ask("query-status")["return"]["running"])
        self.assertIn("refused: ", self.bridge.logged())

    def test_keeps_out_a_second_client_until_the_first_is_gone(self):
        self.start("web", guest=False)
        first = self.monitor("web")
        second = socket.socket(socket.AF_UNIX)
        self.addCleanup(second.close)
        second.connect(f"{World.monitors}/web.qmp")
        self.assertIn("return", first.ask("qmp_capabilities"))
        self.assertIn("return", first.ask("query-status"))
        second.setblocking(False)
        self.assertRaises(BlockingIOError, second.recv, 1)
        first.close()
        second.settimeout(BOOT)
        self.assertIn(b"QMP", second.recv(4096))

    def test_ends_a_client_that_sends_too_much_or_nonsense(self):
        self.start("web", guest=False)
        for sent in (b'{"execute":"qom-list","arguments":{"path":"' + b"x" * 70000 + b'"}}',
                     b"GET / HTTP/1.0\r\n\r\n"):
            monitor = self.monitor("web")
            monitor.socket.sendall(sent)
            self.assertIn("error", monitor.answer())
            self.assertRaises(EOFError, monitor.answer)
        self.assertIn("return", self.monitor("web").ask("qmp_capabilities"))

    def test_is_that_of_a_domain_whose_name_becomes_a_vm_name(self):
        self.start("web server", guest=False)
        wait_until(lambda: self.bridge.serves("web_server"), "its monitor", BOOT)
        self.start("web_server", guest=False)
        wait_until(lambda: "gets no monitor: VM web_server is domain 'web server'" in
                   self.bridge.logged(), "the bridge to tell", BOOT)
        uuid = self.bridge.note("web_server")["uuid"]
        self.libvirtd.virsh("destroy", "web server")
        wait_until(lambda: self.bridge.note("web_server").get("uuid", uuid) != uuid,
                   "the name to go to the other domain", BOOT)


class Jobs(LibvirtTest):
    def test_of_libvirt_make_the_vm_busy(self):
        console = self.start_guest("web", "pc")  # with memory that takes time to save
        fifo = f"{World.directory}/image"
        os.mkfifo(fifo)
        self.addCleanup(os.unlink, fifo)
        go_on = threading.Event()

        def read_slowly():
            image = os.open(fifo, os.O_RDONLY)
            os.read(image, 4096)
            go_on.wait(BOOT)
            while saving.is_alive():  # it is opened once more in the end, for the header
                if not os.read(image, 1 << 16):
                    time.sleep(0.05)
            os.close(image)

        reader = threading.Thread(target=read_slowly)
        saving = threading.Thread(target=self.libvirtd.virsh, args=("save", "web", fifo))
        saving.start()
        reader.start()
        try:
            self.wait_state("web", "busy")
            self.assertEqual(self.vms()["web"]["lastError"], "libvirt is saving this domain")
            answer = self.ctl(5, "attach", "web", "late", "--size", "1M")
            self.assertEqual(answer["error"], "VmUnavailable")
        finally:
            go_on.set()
            saving.join(BOOT)
            reader.join(BOOT)
        console.socket.close()
        wait_until(lambda: "web" not in self.vms(), "the saved domain to go", BOOT)
        self.assertFalse(os.path.exists(f"{World.monitors}/web.json"))


class Rights(LibvirtTest):
    """What a bridge says that libvirt does not let in, and how it goes on once it does."""

    OTHER = 65534

    def start_bridge(self, name, user, uri=None):
        directory = f"{World.directory}/{name}"
        os.mkdir(directory, 0o755)
        os.chown(directory, user, user)
        launcher = ("setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups")
        bridge = Bridge(World.programs[3], self.libvirtd, directory, uri, launcher)
        self.addCleanup(bridge.end)
        return bridge

    def test_to_connect_are_waited_for(self):
        self.start("web", guest=False)
        mode = os.stat(self.libvirtd.socket).st_mode
        self.addCleanup(os.chmod, self.libvirtd.socket, mode)
        os.chmod(self.libvirtd.socket, 0o700)
        bridge = self.start_bridge("closed", self.OTHER)
        wait_until(lambda: "Permission denied; let this user manage libvirt" in bridge.logged(),
                   "the bridge to say so", BOOT)
        self.assertEqual(os.listdir(bridge.directory), [])
        os.chmod(self.libvirtd.socket, 0o777)
        wait_until(lambda: bridge.serves("web"), "the bridge to serve", BOOT)
        self.assertEqual(bridge.logged().count("Permission denied"), 1)

    def test_to_read_alone_are_too_few(self):
        self.start("web", guest=False)
        bridge = self.start_bridge("reading", os.geteuid(),
                                   f"qemu:///system?socket={self.libvirtd.socket}-ro")
        wait_until(lambda: "not the one for reading; trying on" in bridge.logged(),
                   "the bridge to say so", BOOT)
        self.assertIn("operation forbidden: read only access", bridge.logged())
        self.assertEqual(os.listdir(bridge.directory), [])


class Domains(LibvirtTest):
    def test_without_definition_go_on_and_crashed_ones_are_gone(self):
        self.start("web", guest=False)
        self.wait_connected("web")
        self.ctl(0, "attach", "web", "first", "--size", "1M")
        renamed = self.libvirtd.virsh("domrename", "web", "other", check=False)
        self.assertNotEqual(renamed.returncode, 0, "libvirt renames no domain that runs")
        self.libvirtd.virsh("undefine", "web")
        self.ctl(0, "attach", "web", "second", "--size", "1M")
        self.assertEqual(self.qemu_devices("web"), {"ivshmemd.first", "ivshmemd.second"})
        os.kill(self.bridge.note("web")["pid"], signal.SIGKILL)
        wait_until(lambda: "web" not in self.vms(), "the domain to be gone", BOOT)
        self.assertEqual(os.listdir(World.monitors), [])


class Regions(LibvirtTest):
    def test_that_its_qemu_cannot_open_are_told_of_with_what_is_known(self):
        self.start("web", guest=False)
        self.wait_connected("web")
        self.addCleanup(os.chmod, World.regions, 0o711)
        os.chmod(World.regions, 0o700)
        message = self.ctl(8, "attach", "web", "x", "--size", "1M")["parameters"]["message"]
        self.assertIn("Permission denied; ", message)
        self.assertIn(f"user {USER}, whom QEMU runs as, may open the file", message)
        self.assertIn(f"(namei -l {World.regions}/x)", message)
        self.assertEqual(self.leftovers("web"), [])


class ManagedSave(LibvirtTest):
    def test_inside_without_peers_restores_with_the_bytes_unchanged(self):
        console = self.start_guest("web", "pc")
        for name, role in (("m", "master"), ("p", "peer")):
            self.ctl(0, "attach", "web", name, "--size", "1M", "--role", role)
        console.run(f"shm -d {self.address('web', 'm')} write 0 carried")

        verdict = self.ctl(1, "can-migrate", "web")
        self.assertTrue(any("libvirt does not know of m, p:" in each["text"]
                            for each in verdict["reasons"]), verdict)
        findings = self.ctl(0, "doctor", "web")["findings"]
        self.assertIn("libvirtUnaware", {each["kind"] for each in findings})

        done = subprocess.run(
            self.client("without-peers", "web", "--masters", "--timeout", str(BOOT), "--", "virsh",
                        "-q", "-c", self.libvirtd.uri, "managedsave", "web"),
            capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=600)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        console.socket.close()
        wait_until(lambda: "web" not in self.vms(), "the saved domain to go", BOOT)

        self.libvirtd.virsh("start", "web")
        self.wait_connected("web")
        restored = self.libvirtd.console()
        self.addCleanup(restored.socket.close)
        self.ctl(0, "replug", "web")
        self.assertEqual({name: each["role"] for name, each in self.devices("web").items()},
                         {"m": "master", "p": "peer"})
        address = self.address("web", "m")
        self.assertEqual(restored.run(f"shm -d {address} read 0 7"), "carried")

    def test_of_what_libvirt_xml_made_permanent_restores_too(self):
        self.start("web", "pc", guest=False)
        self.wait_connected("web")
        self.ctl(0, "attach", "web", "m", "--size", "1M", "--role", "master")
        xml = subprocess.run(self.client("libvirt-xml", "web"), capture_output=True, text=True,
                             check=True).stdout
        self.libvirtd.virsh("destroy", "web")
        self.libvirtd.virsh("undefine", "web")
        wait_until(lambda: "web" not in self.vms(), "the domain to go", BOOT)

        self.start("web", "pc", more=xml)
        console = self.libvirtd.console()
        console.read_until("GUEST-READY\n")
        self.wait_connected("web")
        self.assertEqual(self.devices("web")["m"]["origin"], "managed")
        console.run(f"shm -d {self.address('web', 'm')} write 0 carried")
        self.ctl(0, "can-migrate", "web")
        console.socket.close()
        self.libvirtd.virsh("managedsave", "web")
        wait_until(lambda: "web" not in self.vms(), "the saved domain to go", BOOT)
        self.libvirtd.virsh("start", "web")
        self.wait_connected("web")
        restored = self.libvirtd.console()
        self.addCleanup(restored.socket.close)
        address = self.devices("web")["m"]["guestAddress"]
        self.assertEqual(restored.run(f"shm -d {address} read 0 7"), "carried")


def main():
    """Runs the tests of the program that was started; its exit status."""
    World.programs = tuple(os.path.abspath(path) for path in sys.argv[1:5])
    missing = what_is_missing()
    if missing:
        print(f"skipped: {missing}")
        return SKIPPED
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # machines would be left
    with contextlib.ExitStack() as everything:
        World.build(everything)
        result = unittest.main(argv=[sys.argv[0], *sys.argv[5:]], exit=False).result
    return 0 if result.wasSuccessful() else 1


if __name__ == "__main__":
    sys.exit(main())
