"""The whole interface, as one of the clients that people have calls it.

Each such client has a test that derives from WholeInterface and says how it calls, streams and
watches. A test ends in `finish`, which fails where a method of the interface was never called.
"""

import contextlib
import os
import shutil
import sys
import tempfile
import threading
import unittest

from machines import QEMU, Daemon, Qemu, region_directory
from varlink_client import Account, Client, wait_until
from varlink_idl import Interface

HOTPLUG = "io.ivshmemd.Hotplug"
MIB = 1 << 20
SKIPPED = 77  # to ctest
MACHINES = (("one", ()), ("source", ()), ("target", ("-incoming", "defer")))


class Refused(Exception):
    """An error: its name without the interface, and its parameters."""

    def __init__(self, name, parameters):
        super().__init__(f"{name} {parameters}")
        self.name, self.parameters = name.rpartition(".")[2], parameters


class Stage:
    """One daemon and its machines, for all tests of a program."""

    daemon = directory = regions = None
    machines, called = {}, set()

    @classmethod
    def build(cls, program, stack):
        cls.directory = stack.enter_context(tempfile.TemporaryDirectory(prefix="ivshmemd-wire-"))
        cls.regions = stack.enter_context(region_directory())
        for name, arguments in MACHINES:
            cls.machines[name] = Qemu(cls.directory, name, *arguments)
            stack.callback(cls.machines[name].end)
        monitors = {name: each.monitor for name, each in cls.machines.items()}
        monitors["gone"] = f"{cls.directory}/nobody.qmp"
        cls.daemon = Daemon(program, cls.directory, monitors, cls.regions)
        stack.callback(cls.daemon.end)
        with Client(cls.daemon.socket, Account(cls.daemon.socket)) as client:
            wait_until(lambda: [each["state"] for each in client.call(f"{HOTPLUG}.ListVms")
                                .parameters["vms"]].count("connected") == len(MACHINES),
                       "all machines to be connected")


@contextlib.contextmanager
def resetting(machine):
    """Resets the machine again and again while it has devices: that lets them go."""
    done = threading.Event()

    def reset():
        while Stage.machines[machine].devices() and not done.wait(0.1):
            Stage.machines[machine].reset()

    thread = threading.Thread(target=reset)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


class WholeInterface:
    """A client overrides the three that begin with `client_`; each raises Refused for an error."""

    def client_call(self, method, parameters):
        """The parameters of the reply."""
        raise NotImplementedError

    def client_stream(self, method, parameters):
        """The parameters of all replies to a call with more."""
        raise NotImplementedError

    def client_watch(self, method, parameters):
        """A generator of the parameters of the replies to a call with more that never ends."""
        raise NotImplementedError

    def ask(self, method, **parameters):
        Stage.called.add(method)
        return self.client_call(method, parameters)

    def stream(self, method, **parameters):
        Stage.called.add(method)
        return self.client_stream(method, parameters)

    def refuse(self, error, method, **parameters):
        with self.assertRaises(Refused) as caught:
            self.ask(method, **parameters)
        self.assertEqual(caught.exception.name, error, caught.exception)
        return caught.exception.parameters

    def names(self, vm):
        return [each["name"] for each in self.ask("ListDevices", vm=vm)["devices"]]

    def test_lists_and_probes_machines(self):
        rows = {each["name"]: each for each in self.ask("ListVms")["vms"]}
        self.assertEqual(sorted(rows), ["gone", "one", "source", "target"])
        self.assertEqual((rows["one"]["state"], rows["gone"]["state"]),
                         ("connected", "unreachable"))
        self.assertNotIn("pid", rows["gone"])
        found = self.ask("Probe", vm="one")["capabilities"]
        self.assertEqual(found["models"], ["ivshmem_plain", "ivshmem_doorbell"])
        self.assertIn(9, found["buses"][0]["usable"])
        self.refuse("NoSuchVm", "Probe", vm="nobody")
        self.assertEqual(self.refuse("VmUnavailable", "Probe", vm="gone")["state"], "unreachable")

    def test_plans_and_attaches(self):
        wish = {"vm": "one", "name": "first", "size": 2 * MIB, "role": "master", "slot": 9}
        plan = self.ask("Attach", **wish, dryRun=True)
        self.assertEqual([each["execute"] for each in plan["commands"]],
                         ["object-add", "device_add"])
        self.assertNotIn("first", self.names("one"))
        made = self.ask("Attach", **wish)
        self.assertEqual((made["changed"], made["device"]["slot"]), (True, 9))
        self.assertIs(self.ask("Attach", **wish)["changed"], False)
        self.assertIn("first", self.names("one"))
        self.refuse("BadSize", "Attach", vm="one", name="odd", size=5000)
        self.refuse("SlotInUse", "Attach", vm="one", name="second", size=MIB, slot=9)
        held = self.refuse("MasterExists", "Attach", vm="one", name="second", size=2 * MIB,
                           role="master", region="first")
        self.assertEqual(held["holder"], "one/first")
        wrong = self.refuse("InvalidParameter", "Attach", vm="one", name="second", role="owner")
        self.assertEqual(wrong["parameter"], "role")
        regions = {each["name"]: each for each in self.ask("ListRegions")["regions"]}
        self.assertEqual(regions["first"]["users"],
                         [{"vm": "one", "device": "first", "role": "master"}])
        arguments = self.ask("QemuArguments", vm="one")["arguments"]
        self.assertTrue([each for each in arguments if "id=ivshmemd.first.mem" in each], arguments)

    def test_diagnoses(self):
        found = {each.get("vm"): each for each in self.ask("Diagnose")["findings"]}
        self.assertEqual(found["gone"]["kind"], "vmUnreachable")
        self.refuse("NoSuchVm", "Diagnose", vm="nobody")

    def test_detaches_and_is_told_of_the_progress(self):
        one = Stage.machines["one"]
        self.ask("Attach", vm="one", name="leaver", size=MIB)
        one.qmp("stop")  # its firmware could let the device go at any time
        self.addCleanup(one.qmp, "cont")
        self.assertEqual(self.ask("Detach", vm="one", name="leaver", timeoutMs=0),
                         {"result": "pending"})
        self.refuse("OperationInProgress", "Attach", vm="one", name="leaver", size=MIB)
        with resetting("one"):
            replies = self.stream("Detach", vm="one", name="leaver")
        self.assertEqual(replies[0].keys(), {"progress"})
        self.assertEqual(replies[-1]["result"], "removed")
        self.assertEqual(self.ask("RemoveRegion", region="leaver"), {})
        self.refuse("RegionUnavailable", "RemoveRegion", region="leaver")
        self.refuse("NoSuchDevice", "Detach", vm="one", name="leaver")

    def test_changes_several_machines_or_none(self):
        both = ["one", "source"]
        plan = self.ask("AttachMany", vms=both, name="joint", size=MIB, dryRun=True)["results"]
        self.assertEqual([len(each["commands"]) for each in plan], [2, 2])
        lost = self.refuse("TransactionFailed", "AttachMany", vms=["one", "gone", "nobody"],
                           name="joint", size=MIB)
        self.assertEqual((lost["undone"], lost["leftovers"]), (True, []))
        self.assertEqual(sorted(each["error"] for each in lost["faults"]),
                         ["NoSuchVm", "VmUnavailable"])
        self.assertNotIn("joint", self.names("one"))
        one = Stage.machines["one"]
        replies = self.stream("AttachMany", vms=["one"], name="joint", size=MIB)
        self.assertEqual(replies[0].keys(), {"progress"})
        self.assertIs(replies[-1]["results"][0]["changed"], True)
        one.qmp("stop")  # its firmware could let the device go at any time
        self.addCleanup(one.qmp, "cont")
        self.assertEqual(self.ask("DetachMany", vms=["one"], name="joint", timeoutMs=0),
                         {"results": [{"vm": "one", "result": "pending"}]})
        with resetting("one"):
            replies = self.stream("DetachMany", vms=["one"], name="joint", removeRegion=True)
        self.assertEqual(replies[-1]["results"], [{"vm": "one", "result": "removed"}])

    def test_applies_a_topology(self):
        topology = {"region": [{"name": "drawn", "size": "1M"}],
                    "device": [{"name": "drawn", "vms": ["one"]}]}
        plan = self.ask("Apply", topology=topology, dryRun=True)
        self.assertEqual([(each["vm"], each["action"]) for each in plan["changes"]],
                         [("one", "attach")])
        replies = self.stream("Apply", topology=topology)
        self.assertEqual(replies[0].keys(), {"progress"})
        self.assertIs(replies[-1]["changed"], True)
        self.assertEqual(replies[-1]["changes"][0]["becomes"]["region"], "drawn")
        self.assertIs(self.ask("Apply", topology=topology)["changed"], False)
        topology["device"][0]["vms"] = ["one", "nobody", "nobody"]
        lost = self.refuse("TransactionFailed", "Apply", topology=topology)
        self.assertEqual(sorted(each["key"] for each in lost["faults"]),
                         ["/device/0/vms/1", "/device/0/vms/2"])

    def test_migrates_and_plugs_in_again(self):
        uri = f"unix:{Stage.directory}/migration.sock"
        Stage.machines["target"].qmp("migrate-incoming", uri=uri)
        self.ask("Attach", vm="source", name="traveller", size=MIB)
        verdict = self.ask("CheckMigration", vm="source")
        self.assertIs(verdict["allowed"], False)
        self.assertIn("traveller", [each.get("device") for each in verdict["reasons"]])
        blocked = self.refuse("MigrationBlocked", "Migrate", vm="source", uri=uri)
        self.assertIn("traveller", [each.get("device") for each in blocked["reasons"]])
        with resetting("source"):
            replies = self.stream("Migrate", vm="source", uri=uri, detachPeers=True, force=True,
                                  timeoutMs=60000)
        self.assertEqual(replies[0].keys(), {"progress"})
        self.assertEqual(replies[-1]["status"], "completed")
        peers = replies[-1]["detached"]
        again = self.ask("Replug", vm="target", devices=peers)["devices"]
        self.assertEqual([each["name"] for each in again], ["traveller"])

    def test_holds_a_machine(self):
        self.refuse("VmUnavailable", "Hold", vm="gone")
        self.refuse("InvalidParameter", "Release", vm="gone")
        held = self.stream("Hold", vm="source", timeoutMs=1000)[-1]
        self.assertEqual(held["detached"], [])
        # A client of one call a connection has ended it by now.
        try:
            self.assertEqual(self.ask("Release", vm="source")["result"], "back")
        except Refused as error:
            self.assertEqual(error.name, "InvalidParameter")
        wait_until(lambda: not [each for each in self.ask("ListVms")["vms"] if each.get("hold")],
                   "the hold to end")

    def test_forgets_what_is_out(self):
        self.assertEqual(self.ask("Forget", vm="one"), {"forgotten": []})
        self.refuse("NoSuchVm", "Forget", vm="nobody")
        self.refuse("InvalidParameter", "Forget", vm="one", uuid="")

    def test_watches_events(self):
        self.refuse("ExpectedMore", "Subscribe")
        Stage.called.add("Subscribe")
        with contextlib.closing(self.client_watch("Subscribe", {"vm": "one"})) as events:
            self.assertEqual(next(events), {"ready": True})
            self.ask("Attach", vm="one", name="watched", size=MIB)
            event = next(each for each in events if each.get("device") == "watched")
        self.assertEqual((event["kind"], event["vm"]), ("attaching", "one"))


def finish(program, source, arguments):
    """Runs the tests of the main module; what it returns is for sys.exit."""
    if not shutil.which(QEMU) and "IVSHMEMD_REQUIRE_QEMU" not in os.environ:
        print("no QEMU: ./dev setup")
        return SKIPPED
    with open(f"{source}/proto/{HOTPLUG}.varlink", encoding="utf-8") as file:
        methods = Interface(file.read()).methods.keys()
    with contextlib.ExitStack() as stack:
        Stage.build(program, stack)
        outcome = unittest.main(argv=[sys.argv[0], *arguments], exit=False, verbosity=2).result
    never = methods - Stage.called if not arguments else set()
    if never:
        print(f"never called: {sorted(never)}", file=sys.stderr)
    return 0 if outcome.wasSuccessful() and not never else 1
