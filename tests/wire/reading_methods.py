"""Methods that change nothing, and org.varlink.service."""

import unittest

from expectations import ELSEWHERE
from varlink_client import SERVICE, wait_until
from varlink_idl import Interface
from world import HOTPLUG, MIB, Client, WireTest, World, list_vms


class Published(WireTest):
    def test_file_is_what_the_service_hands_out(self):
        with open(f"{World.source}/proto/{HOTPLUG}.varlink", "rb") as file:
            self.assertEqual(file.read(), World.account.texts[HOTPLUG].encode())

    def test_methods_are_all_dispatched(self):
        interface = World.account.interfaces[HOTPLUG]
        for method in interface.methods:
            reply = self.client.call(f"{HOTPLUG}.{method}", {"nobody": "declared this"})
            self.assertEqual(reply.short_error(), "InvalidParameter", method)
            self.assertEqual(reply.parameters["parameter"], "nobody", method)

    def test_errors_left_to_other_tests_have_them(self):
        for reason, path, name in ELSEWHERE.values():
            with open(f"{World.source}/{path}", encoding="utf-8") as file:
                self.assertIn(f", {name})", file.read(), reason)


class ServiceInterface(WireTest):
    def test_tells_about_itself(self):
        info = self.client.call(f"{SERVICE}.GetInfo").parameters
        self.assertEqual(info["interfaces"], [SERVICE, HOTPLUG])
        for name in info["interfaces"]:
            text = self.client.call(f"{SERVICE}.GetInterfaceDescription",
                                    {"interface": name}).parameters["description"]
            self.assertEqual(Interface(text).name, name)

    def test_answers_by_the_standard_errors(self):
        for method, parameters, error, details in (
                ("org.example.other.Ping", {}, "InterfaceNotFound",
                 {"interface": "org.example.other"}),
                (f"{HOTPLUG}.Ping", {}, "MethodNotFound", {"method": "Ping"}),
                (f"{SERVICE}.Ping", {}, "MethodNotFound", {"method": "Ping"}),
                (f"{SERVICE}.GetInfo", {"x": 1}, "InvalidParameter", {"parameter": "x"}),
                (f"{SERVICE}.GetInterfaceDescription", {"interface": "org.example.other"},
                 "InterfaceNotFound", {"interface": "org.example.other"}),
                (f"{HOTPLUG}.Subscribe", {}, "ExpectedMore", {})):
            reply = self.client.call(method, parameters)
            self.assertEqual(reply.error, f"{SERVICE}.{error}")
            self.assertEqual(reply.parameters, details)

    def test_answers_calls_in_their_order(self):
        for _ in range(20):
            self.client.send(f"{HOTPLUG}.ListVms")
            self.client.send(f"{HOTPLUG}.Nope")
            self.client.send(f"{HOTPLUG}.ListDevices", {"vm": "gone"})
        for _ in range(20):
            self.assertIn("vms", self.client.next_reply().parameters)
            self.assertEqual(self.client.next_reply().short_error(), "MethodNotFound")
            self.assertEqual(self.client.next_reply().parameters, {"devices": []})

    def test_answers_nothing_to_oneway_and_does_it(self):
        methods = World.account.interfaces[HOTPLUG].methods
        calls = [(f"{HOTPLUG}.{method}", {}) for method in methods]
        calls += [(f"{HOTPLUG}.Nope", {}), ("org.example.other.Ping", {}),
                  (f"{SERVICE}.GetInfo", {}),
                  (f"{HOTPLUG}.Attach", {"vm": "other", "name": "quiet", "size": MIB})]
        for method, parameters in calls:
            self.client.send(method, parameters, oneway=True)
        self.assertIn("vms", self.ask("ListVms"))
        self.assertTrue(self.client.is_silent(0.1))
        self.assertEqual(self.device("other", "quiet")["state"], "attached")

    def test_takes_missing_null_and_empty_parameters_for_the_same(self):
        for extra in ({}, {"parameters": None}, {"parameters": {}}):
            self.client.send_object({"method": f"{HOTPLUG}.ListVms", **extra})
            self.assertIn("vms", self.client.receive().parameters)
        self.assertIn("devices", self.ask("ListDevices", vm=None))

    def test_needs_no_more_for_calls_with_more(self):
        self.client.send(f"{HOTPLUG}.ListVms", {}, more=True)
        self.assertFalse(self.client.next_reply().continues)


class Reading(WireTest):
    def test_lists_machines_by_name(self):
        rows = {each["name"]: each for each in list_vms()}
        self.assertEqual(list(rows), sorted(rows))
        self.assertEqual(rows["front"]["pid"], World.machines["front"].process.pid)
        self.assertEqual(rows["gone"]["state"], "unreachable")
        self.assertNotEqual(rows["gone"]["lastError"], "")
        self.assertEqual(rows["odd"]["qmpSocket"], f"{World.directory}/\ufffd\ufffd.qmp")

    def test_tells_which_declared_device_a_machine_lacks(self):
        def failures():
            return {each["name"]: each.get("declaredFailures") for each in list_vms()}["full"]

        wait_until(failures, "the attempt")
        (failure,) = failures()
        self.assertEqual(failure["device"], "declared")
        self.assertIn("NoFreeSlot", failure["message"])

    def test_probes_a_machine(self):
        found = self.ask("Probe", vm="front")["capabilities"]
        self.assertEqual(found["models"], ["ivshmem_plain", "ivshmem_doorbell"])
        self.assertEqual(found["buses"][0]["name"], "pci.0")
        root = self.ask("Probe", vm="full")["capabilities"]["buses"][0]
        self.assertEqual((root["kind"], root["usable"]), ("root", []))
        self.assertNotEqual(root["reason"], "")
        self.assertNotEqual(self.refuse("VmUnavailable", "Probe", vm="gone")["state"], "")
        self.refuse("NoSuchVm", "Probe", vm="nobody")
        self.refuse("BadName", "Probe", vm="no/body")

    def test_tells_what_keeps_a_machine_from_migrating(self):
        answer = self.ask("CheckMigration", vm="front")
        self.attach("front", "obstacle")
        answer = self.ask("CheckMigration", vm="front")
        self.assertFalse(answer["allowed"])
        self.assertIn(("blocks", "ivshmemd", "obstacle"),
                      [(each["severity"], each["source"], each.get("device"))
                       for each in answer["reasons"]])

    def test_tells_how_to_start_a_receiving_machine(self):
        self.assertEqual(self.ask("QemuArguments", vm="full")["arguments"], [])
        self.attach("other", "kept", role="master")
        arguments = self.ask("QemuArguments", vm="other")["arguments"]
        self.assertTrue([each for each in arguments if "id=ivshmemd.kept.mem" in each], arguments)

    def test_lists_regions_and_who_uses_them(self):
        self.attach("other", "shown", role="master")
        rows = {each["name"]: each for each in self.ask("ListRegions")["regions"]}
        self.assertEqual(list(rows), sorted(rows))
        shown = rows["shown"]
        self.assertEqual(shown["path"], f"{World.regions}/shown")
        self.assertEqual((shown["size"], shown["mode"], shown["createdByUs"]), (MIB, "0660", True))
        self.assertEqual(shown["users"], [{"vm": "other", "device": "shown", "role": "master"}])

    def test_tells_what_is_out_of_the_ordinary_about_a_user(self):
        self.attach("other", "whole", size=2 * MIB)
        self.attach("other", "looker", region="whole", size=2 * MIB, **self.readonly())
        World.machines["hidden"].plug_file("part", f"{World.regions}/whole", MIB)
        rows = {each["name"]: each for each in self.ask("ListRegions")["regions"]}
        users = {each["device"]: each for each in rows["whole"]["users"]}
        self.assertEqual(users["looker"], {"vm": "other", "device": "looker", "role": "peer",
                                           **self.readonly()})
        self.assertEqual(users["part"], {"vm": "hidden", "device": "part", "role": "peer",
                                         "offset": 0, "size": MIB, "sharing": "unverified"})

    def test_diagnoses_machines_devices_and_regions(self):
        self.attach("other", "untouched")  # nobody is there to map it
        found = self.ask("Diagnose")["findings"]
        gone = next(each for each in found if each.get("vm") == "gone")
        self.assertEqual((gone["kind"], gone["severity"]), ("vmUnreachable", "warning"))
        self.assertIn(f"{World.directory}/nobody.qmp", gone["mend"])
        found = self.ask("Diagnose", vm="other")["findings"]
        self.assertEqual({each.get("vm", "other") for each in found}, {"other"})
        unmapped = next(each for each in found if each.get("device") == "untouched")
        self.assertEqual((unmapped["kind"], unmapped["region"]), ("neverMapped", "untouched"))
        self.refuse("NoSuchVm", "Diagnose", vm="nobody")


class Subscribing(WireTest):
    def test_is_told_what_happens(self):
        listener = Client(World.daemon.socket, World.account)
        self.addCleanup(listener.close)
        listener.send(f"{HOTPLUG}.Subscribe", {"vm": "other"}, more=True)
        self.assertEqual(listener.next_reply().parameters, {"ready": True})
        self.attach("other", "watched")
        kinds = []
        while kinds[-1:] != ["attached"]:
            reply = listener.next_reply()
            self.assertTrue(reply.continues)
            self.assertNotIn("ready", reply.parameters)
            self.assertEqual(reply.parameters["vm"], "other")
            if reply.parameters.get("device") == "watched":
                kinds.append(reply.parameters["kind"])
        self.assertEqual(kinds, ["attaching", "attached"])
        World.machines["other"].qmp("stop")
        while listener.next_reply().parameters["kind"] != "vmState":
            pass
        World.machines["other"].qmp("cont")
        wait_until(lambda: "running" in [each.get("runState") for each in list_vms()
                                         if each["name"] == "other"], "the machine to run")
        self.assertRegex(reply.parameters["time"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")
        late = Client(World.daemon.socket, World.account)
        self.addCleanup(late.close)
        late.send(f"{HOTPLUG}.Subscribe", {"vm": "other", "since": "2020-01-01T00:00:00Z"},
                  more=True)
        ready = late.next_reply().parameters
        self.assertEqual(ready.keys(), {"ready", "forgottenBefore"})
        while late.next_reply().parameters != reply.parameters:
            pass
        self.client.send(f"{HOTPLUG}.Subscribe", {"vm": "nobody"}, more=True)
        self.assertEqual(self.client.next_reply().short_error(), "NoSuchVm")
