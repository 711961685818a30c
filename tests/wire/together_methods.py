"""Methods that change several machines together."""

from machines import DoorbellServer
from varlink_client import wait_until
from world import HOTPLUG, MIB, WireTest, World


class Together(WireTest):
    def test_attaches_and_detaches_together(self):
        wish = {"vms": ["other", "third"], "name": "joint", "size": MIB, "model": "ivshmem-plain",
                "role": "peer", "region": "joint-region", "bus": "pci.0", "slot": 10, "numa": 0,
                "prealloc": False, "timeoutMs": 60000, **self.readonly()}
        planned = self.ask("AttachMany", **wish, dryRun=True)["results"]
        self.assertEqual([[step["execute"] for step in each["commands"]] for each in planned],
                         [["object-add", "device_add"]] * 2)
        replies = self.stream("AttachMany", **wish)
        self.assertEqual(replies[0].keys(), {"progress"})
        made = replies[-1]["results"]
        self.assertEqual([(each["device"]["vm"], each["device"]["slot"], each["changed"])
                          for each in made], [("other", 10, True), ("third", 10, True)])
        self.attach("other", "joint-guest", region="joint-region")
        with self.resetting("other"), self.resetting("third"):
            replies = self.stream("DetachMany", vms=["other", "third"], name="joint",
                                  timeoutMs=60000, removeRegion=True)
        self.assertEqual(replies[0].keys(), {"progress"})
        self.assertEqual([each["result"] for each in replies[-1]["results"]], ["removed"] * 2)
        self.assertIn("other/joint-guest", replies[-1]["regionKept"])

    def test_has_back_what_leaves_late_unless_it_is_forgotten(self):
        other = World.machines["other"]
        self.attach("other", "latecomer")
        other.qmp("stop")  # its firmware could let the device go at any time
        self.addCleanup(other.qmp, "cont")
        lost = self.refuse("TransactionFailed", "DetachMany", vms=["other"], name="latecomer",
                           timeoutMs=200)
        self.assertEqual((lost["leftovers"], lost["returning"]), (["other/latecomer"],) * 2)
        held = self.ask("ListDevices", vm="other")["holds"]
        self.assertEqual([(each["phase"], each["devices"], each["forget"]) for each in held],
                         [("returning", ["latecomer"], "ivshmemctl replug other --forget")])
        self.assertEqual(self.ask("Forget", vm="other", uuid="another"), {"forgotten": []})
        uuid = other.qmp("query-uuid")["UUID"]
        given_up = self.ask("Forget", vm="other", uuid=uuid)["forgotten"]
        self.assertEqual([each["name"] for each in given_up], ["latecomer"])
        with self.resetting("other"):
            wait_until(lambda: not self.device("other", "latecomer"), "it to leave")

    def test_attaches_by_a_doorbell_server(self):
        server = DoorbellServer(f"{World.directory}/joint.sock", MIB, 2)
        made = self.ask("AttachMany", vms=["other"], name="joint-bell",
                        server=server.listener.getsockname(), vectors=2, msi=True,
                        ioeventfd=True)["results"]
        self.assertEqual(made[0]["device"]["vectors"], 2)

    def test_names_all_that_fails(self):
        self.attach("other", "joint-master", role="master")
        lost = self.refuse("TransactionFailed", "AttachMany", vms=["third", "gone"], size=MIB,
                           name="joint-second", role="master", region="joint-master")
        self.assertEqual((lost["undone"], lost["leftovers"]), (True, []))
        faults = {each["vm"]: each for each in lost["faults"]}
        self.assertEqual(faults["third"]["parameters"], {"holder": "other/joint-master"})
        self.assertEqual(faults["third"]["device"], "joint-second")
        self.assertEqual(faults["gone"]["error"], "VmUnavailable")
        first = self.refuse("TransactionFailed", "AttachMany", vms=["third"], size=MIB,
                            name="joint-second", role="master", region="joint-master")
        self.assertEqual((first["vm"], first["device"], first["error"], first["parameters"]),
                         ("third", "joint-second", "MasterExists",
                          {"holder": "other/joint-master"}))

    def test_applies_topologies(self):
        topology = {"region": [{"name": "drawn", "size": "1M"}],
                    "device": [{"name": "drawn", "vms": ["third"]}]}
        plan = self.ask("Apply", topology=topology, dryRun=True)
        self.assertEqual([(each["vm"], each["device"], each["action"])
                          for each in plan["changes"]], [("third", "drawn", "attach")])
        replies = self.stream("Apply", topology=topology)
        self.assertEqual(replies[0].keys(), {"progress"})
        self.assertIs(replies[-1]["changed"], True)
        topology["device"][0]["role"] = "master"
        with self.resetting("third"):
            changed = self.ask("Apply", topology=topology, timeoutMs=60000, prune=False)
        self.assertEqual(changed["changes"][0]["reason"], "role peer")
        self.assertEqual(changed["changes"][0]["becomes"]["role"], "master")
        topology["device"][0]["mood"] = "good"
        lost = self.refuse("TransactionFailed", "Apply", topology=topology)
        self.assertEqual([each["key"] for each in lost["faults"]], ["/device/0/mood"])

    def stream(self, method, **parameters):
        """The parameters of all replies."""
        self.client.send(f"{HOTPLUG}.{method}", parameters, more=True)
        replies = [self.client.next_reply()]
        while replies[-1].continues:
            replies.append(self.client.next_reply())
        self.assertEqual(replies[-1].error, "", replies[-1])
        return [each.parameters for each in replies]
