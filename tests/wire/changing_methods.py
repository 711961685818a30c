"""Methods that change a machine."""

import os
import socket
import unittest

from machines import DoorbellServer
from root import lacks_root
from varlink_client import PATIENCE, Client, wait_until
from world import HOTPLUG, MIB, WireTest, World


class Attaching(WireTest):
    def test_plans_then_attaches_exactly_that(self):
        wish = {"vm": "other", "name": "exact", "size": 2 * MIB, "model": "ivshmem-plain",
                "role": "master", "region": "exact-region", "bus": "pci.0", "slot": 9}
        planned = self.ask("Attach", **wish, dryRun=True)
        self.assertEqual([each["execute"] for each in planned["commands"]],
                         ["object-add", "device_add"])
        self.assertIsNone(self.device("other", "exact"))
        made = self.ask("Attach", **wish)
        self.assertTrue(made["changed"])
        for field in ("size", "role", "region", "bus", "slot"):
            self.assertEqual(made["device"][field], wish[field])
        self.assertEqual(made["device"]["model"], "ivshmem_plain")
        self.assertFalse(self.ask("Attach", **wish)["changed"])
        self.assertEqual(os.stat(f"{World.regions}/exact-region").st_size, 2 * MIB)

    def test_takes_options_of_the_memory(self):
        options = {**self.readonly(), "numa": 0}
        made = self.attach("other", "view", **options)
        self.assertEqual({key: made.get(key) for key in options}, options)
        self.assertEqual((made["sharing"], made["offset"]), ("shared", 0))
        self.assertEqual(made["memoryPath"], f"{World.regions}/view")
        self.assertFalse(self.ask("Attach", vm="other", name="view", size=MIB,
                                  **options)["changed"])
        self.refuse("DeviceExists", "Attach", vm="other", name="view", size=2 * MIB)
        self.assertTrue(self.attach("other", "touched", prealloc=True)["prealloc"])
        refused = self.refuse("ConfigUnsupported", "Attach", vm="other", name="both", size=MIB,
                              readonly=True, prealloc=True)
        self.assertIn("does not survive", refused["reason"])

    def test_shows_the_address_that_firmware_gives(self):
        made = self.attach("front", "early")
        self.assertNotIn("guestAddress", made)
        World.machines["front"].qmp("cont")
        wait_until(lambda: self.device("front", "early").get("guestAddress"), "an address")
        address = self.device("front", "early")["guestAddress"]
        self.assertEqual(address, f"0000:00:{made['slot']:02x}.0")

    def test_warns_of_a_master_that_could_not_leave(self):
        wish = {"name": "stuck", "size": MIB, "role": "master", "dryRun": True}
        self.assertIn("waits for a migration", self.ask("Attach", vm="target", **wish)["warning"])
        planned = self.ask("AttachMany", vms=["target"], **wish)["results"]
        self.assertIn("waits for a migration", planned[0]["warning"])
        self.assertNotIn("warning", self.ask("Attach", vm="other", **wish))

    def test_refuses_by_name(self):
        self.attach("other", "present", role="master", slot=12)
        again = {"vm": "other", "name": "again", "size": MIB}
        self.refuse("BadName", "Attach", vm="other", name="1st", size=MIB)
        self.refuse("BadSize", "Attach", vm="other", name="odd", size=5000)
        self.refuse("DeviceExists", "Attach", vm="other", name="present", size=2 * MIB)
        held = self.refuse("MasterExists", "Attach", **again, role="master", region="present")
        self.assertEqual(held["holder"], "other/present")
        self.refuse("RegionMismatch", "Attach", vm="other", name="again", size=2 * MIB,
                    region="present")
        self.refuse("SlotInUse", "Attach", **again, slot=12)
        self.refuse("NoFreeSlot", "Attach", vm="full", name="again", size=MIB)
        lacking = self.refuse("ModelNotSupported", "Attach", **again, model="ivshmem")
        self.assertEqual(lacking["supported"], ["ivshmem_plain", "ivshmem_doorbell"])
        self.refuse("ConfigUnsupported", "Attach", **again, vectors=2)
        self.refuse("VmUnavailable", "Attach", vm="gone", name="again", size=MIB)
        self.refuse("NoSuchVm", "Attach", vm="nobody", name="again", size=MIB)

    def test_refuses_without_a_region_directory(self):
        os.rename(World.regions, World.regions + ".away")
        try:
            self.refuse("RegionUnavailable", "Attach", vm="other", name="homeless", size=MIB)
        finally:
            os.rename(World.regions + ".away", World.regions)

    @unittest.skipIf(lacks_root(), "only root gives files away")
    def test_refuses_an_untrusted_users_region(self):
        path = f"{World.regions}/strange"
        with open(path, "wb") as file:
            file.truncate(MIB)
        os.chown(path, 12345, 12345)
        self.refuse("PermissionDenied", "Attach", vm="other", name="strange", size=MIB)

    def test_gives_qemus_own_words(self):
        World.machines["other"].qmp("object-add", **{"qom-type": "rng-builtin", "id": "dice"})
        World.machines["other"].qmp("device_add", driver="virtio-rng-pci", id="ivshmemd.taken",
                                    rng="dice", bus="pci.0", addr="0x4")
        words = self.refuse("QemuError", "Attach", vm="other", name="taken", size=MIB)
        self.assertEqual((words["command"], words["class"]), ("device_add", "GenericError"))
        self.assertIn("ivshmemd.taken", words["description"])

    def test_refuses_while_the_machine_migrates(self):
        path = f"{World.directory}/never-read"
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(path)
            listener.listen()
            listener.settimeout(PATIENCE)
            full = World.machines["full"]  # and without peers, which QEMU would not migrate
            full.qmp("migrate-set-parameters", **{"max-bandwidth": 1})
            full.qmp("migrate", uri=f"unix:{path}")
            with listener.accept()[0]:
                self.refuse("MigrationActive", "Attach", vm="full", name="late", size=MIB)
                full.qmp("migrate_cancel")

    def test_attaches_by_a_doorbell_server(self):
        server = DoorbellServer(f"{World.directory}/doorbell.sock", MIB, 2)
        path = server.listener.getsockname()
        made = self.ask("Attach", vm="other", name="bell", server=path, vectors=2, msi=True,
                        ioeventfd=False)["device"]
        self.assertEqual((made["model"], made["interrupts"]), ("ivshmem_doorbell", "msix"))
        self.assertEqual((made["server"], made["vectors"], made["msi"]), (path, 2, True))
        self.refuse("ServerUnusable", "Attach", vm="other", name="deaf",
                    server=f"{World.directory}/no-server.sock")


class Holding(WireTest):
    def test_has_peers_out_until_it_is_released(self):
        self.attach("other", "outsider")
        self.client.send(f"{HOTPLUG}.Hold",
                         {"vm": "other", "masters": False, "timeoutMs": 60000}, more=True)
        with self.resetting("other"):
            replies = self.replies()
        self.assertEqual(replies[0].keys(), {"progress"})
        self.assertIn("outsider", [each["name"] for each in replies[-1]["detached"]])
        with Client(World.daemon.socket, World.account) as another:
            vms = another.call(f"{HOTPLUG}.ListVms").parameters["vms"]
            held = [each["hold"] for each in vms if "hold" in each]
            self.assertEqual([(each["vm"], each["phase"]) for each in held], [("other", "held")])
            devices = another.call(f"{HOTPLUG}.ListDevices", {"vm": "other"}).parameters
            self.assertEqual(devices["holds"], held)
            refused = another.call(f"{HOTPLUG}.Hold", {"vm": "other"})
            self.assertEqual(refused.short_error(), "OperationInProgress")
            refused = another.call(f"{HOTPLUG}.Release", {"vm": "other"})
            self.assertEqual(refused.short_error(), "InvalidParameter")
        self.client.send(f"{HOTPLUG}.Release", {"vm": "other"}, more=True)
        replies = self.replies()
        self.assertEqual(replies[0].keys(), {"progress"})
        self.assertEqual(replies[-1], {"result": "back", "out": []})
        self.assertEqual(self.device("other", "outsider")["state"], "attached")

    def replies(self):
        """The parameters of all replies to the call that was sent."""
        reply = self.client.next_reply()
        replies = [reply.parameters]
        while reply.continues:
            reply = self.client.next_reply()
            replies.append(reply.parameters)
        self.assertEqual(reply.error, "", reply)
        return replies


class Detaching(WireTest):
    def test_waits_joins_and_reports_progress(self):
        other = World.machines["other"]
        self.attach("other", "leaver")
        other.qmp("stop")  # its firmware could let the device go at any time
        self.addCleanup(other.qmp, "cont")
        pending = self.ask("Detach", vm="other", name="leaver", timeoutMs=0, removeRegion=True)
        self.assertEqual(pending, {"result": "pending"})
        self.assertEqual(self.device("other", "leaver")["state"], "detaching")
        self.refuse("OperationInProgress", "Attach", vm="other", name="leaver", size=MIB)
        self.client.send(f"{HOTPLUG}.Detach", {"vm": "other", "name": "leaver"}, more=True)
        reply = self.client.next_reply()
        self.assertTrue(reply.continues)
        self.assertEqual(reply.parameters.keys(), {"progress"})
        with self.resetting("other"):
            while reply.continues:
                reply = self.client.next_reply()
        self.assertEqual(reply.parameters, {"result": "removed"})
        self.assertNotIn("ivshmemd.leaver", other.devices())
        wait_until(lambda: not os.path.exists(f"{World.regions}/leaver"), "the region's end")

    def test_tells_why_a_region_stays(self):
        self.attach("other", "watched")
        path = f"{World.regions}/watched"
        with open(path, "rb"):
            with self.resetting("other"):
                kept = self.ask("Detach", vm="other", name="watched", removeRegion=True)
            self.assertEqual(kept["result"], "removed")
            self.assertIn("has it open", kept["regionKept"])
            self.refuse("RegionUnavailable", "RemoveRegion", region="watched")
        self.assertEqual(self.ask("RemoveRegion", region="watched"), {})
        self.assertFalse(os.path.exists(path))

    def test_takes_a_foreign_device_by_its_path(self):
        other = World.machines["other"]
        other.qmp("object-add", **{"qom-type": "memory-backend-ram", "id": "foreign-memory",
                                   "size": MIB, "share": True})
        other.qmp("device_add", driver="ivshmem-plain", id="foreign", memdev="foreign-memory",
                  bus="pci.0", addr="0x5")
        found = self.device("other", "foreign")
        self.assertEqual(found["origin"], "foreign")
        with self.resetting("other"):
            gone = self.ask("Detach", vm="other", qomPath=found["qomPath"])
        self.assertEqual(gone, {"result": "removed"})

    def test_refuses_what_it_cannot_name(self):
        self.refuse("NoSuchDevice", "Detach", vm="other", name="nobody")
        both = {"vm": "other", "name": "nobody", "qomPath": "/machine/peripheral/nobody"}
        self.refuse("InvalidParameter", "Detach", **both)
        self.refuse("InvalidParameter", "Detach", vm="other")


class Migrating(WireTest):
    def migrate(self, uri, **parameters):
        """All replies to Migrate."""
        self.client.send(f"{HOTPLUG}.Migrate", {"vm": "source", "uri": uri, **parameters},
                         more=True)
        replies = [self.client.next_reply()]
        while replies[-1].continues:
            self.assertEqual(replies[-1].parameters.keys(), {"progress"})
            replies.append(self.client.next_reply())
        return replies

    def test_takes_peers_out_and_plugs_them_in_again(self):
        uri = f"unix:{World.directory}/migration.sock"
        World.machines["target"].qmp("migrate-incoming", uri=uri)
        self.attach("source", "traveller", numa=0, **self.readonly())
        self.attach("source", "touched", prealloc=True)
        server = DoorbellServer(f"{World.directory}/travelling.sock", MIB, 2)
        self.ask("Attach", vm="source", name="visitor", server=server.listener.getsockname(),
                 vectors=2)
        blocked = self.refuse("MigrationBlocked", "Migrate", vm="source", uri=uri)
        named = {each.get("device") for each in blocked["reasons"]}
        self.assertLessEqual({"traveller", "visitor"}, named)
        self.refuse("InvalidParameter", "Migrate", vm="source", uri="exec:true")
        with self.resetting("source"):
            replies = self.migrate(uri, detachPeers=True, force=True, timeoutMs=60000)
        last = replies[-1]
        self.assertEqual(last.error, "", last)
        self.assertEqual(last.parameters["status"], "completed")
        peers = last.parameters["detached"]
        names = {"touched", "traveller", "visitor"}
        self.assertEqual({each["name"] for each in peers}, names)
        again = self.ask("Replug", vm="target", devices=peers)
        self.assertEqual({each["name"] for each in again["devices"]}, names)
