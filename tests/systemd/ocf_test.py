#!/usr/bin/env python3
"""The OCF agent between a cluster manager and the real daemon, on a QEMU whose guest lets nothing go
until it is reset.

usage: ocf_test.py SOURCE-DIRECTORY DAEMON CLIENT [unittest arguments]
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import unittest
import xml.etree.ElementTree as ElementTree

from manager import wait_until
from machines import QEMU, Daemon, Qemu, region_directory
from root import lacks_root

SKIPPED = 77
SUCCESS, GENERIC, UNIMPLEMENTED, INSTALLED, CONFIGURED, NOT_RUNNING = 0, 1, 3, 5, 6, 7
RULES = "/usr/share/resource-agents/metadata.rng"
FUNCTIONS = "/usr/lib/ocf/lib/heartbeat"
SOURCE = DAEMON = CLIENT = ""


def agent():
    return f"{SOURCE}/systemd/ocf/region"


def run_agent(action, functions=FUNCTIONS, **parameters):
    """Its status, and what it logged."""
    environment = {"PATH": os.environ["PATH"], "OCF_FUNCTIONS_DIR": functions,
                   "OCF_RESKEY_CRM_meta_timeout": "7000", "OCF_RESOURCE_INSTANCE": "frames"}
    environment |= {f"OCF_RESKEY_{key}": value for key, value in parameters.items()}
    done = subprocess.run([agent(), action], env=environment, capture_output=True, text=True,
                          stdin=subprocess.DEVNULL, timeout=120)
    return done.returncode, done.stderr, done.stdout


class Metadata(unittest.TestCase):
    def setUp(self):
        self.text = run_agent("meta-data")[2]

    def test_obeys_the_rules_of_resource_agents(self):
        if not (os.path.exists(RULES) and shutil.which("xmllint")):
            self.skipTest("needs xmllint, and the rules of resource-agents")
        done = subprocess.run(["xmllint", "--noout", "--nonet", "--relaxng", RULES, "-"],
                              input=self.text, capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_tells_of_every_parameter_and_action(self):
        root = ElementTree.fromstring(self.text)
        with open(agent(), encoding="utf-8") as file:
            script = file.read()
        used = set(re.findall(r"OCF_RESKEY_([a-z]+)", script))
        self.assertEqual({each.get("name") for each in root.iter("parameter")}, used)
        actions = {each.get("name") for each in root.iter("action")}
        self.assertEqual(actions, {"start", "stop", "monitor", "migrate_to", "migrate_from",
                                   "meta-data", "validate-all"})


class Agent(unittest.TestCase):
    """Each test with a machine of its own, and with and without the functions of resource-agents."""

    def setUp(self):
        self.directory = self.enter(tempfile.TemporaryDirectory(prefix="ivshmemd-ocf-"))
        self.regions = self.enter(region_directory())
        self.machine = Qemu(self.directory, "web", "-S")
        self.addCleanup(lambda: self.machine and self.machine.end())
        self.daemon = None
        self.start_daemon()
        self.addCleanup(lambda: self.daemon and self.daemon.end())
        self.parameters = {"vm": "web", "region": "frames", "size": "1M", "client": CLIENT,
                           "socket": f"{self.directory}/api.sock",
                           "monitor": self.machine.monitor}

    def enter(self, manager):
        value = manager.__enter__()
        self.addCleanup(manager.__exit__, None, None, None)
        return value

    def start_daemon(self):
        self.daemon = Daemon(DAEMON, self.directory, {"web": f"{self.directory}/web.qmp"},
                             self.regions)
        wait_until(lambda: self.ask("vms")["vms"][0]["state"] == "connected", "the VM")

    def stop_daemon(self):
        self.daemon.end()
        self.daemon = None

    def end_machine(self):
        self.machine.end()
        self.machine = None

    def ask(self, *arguments):
        done = subprocess.run([CLIENT, "--socket", f"{self.directory}/api.sock", "--json=short",
                               *arguments], capture_output=True, text=True, timeout=120)
        return json.loads(done.stdout)

    def expect(self, status, action, log="", **parameters):
        for functions in (FUNCTIONS, "/nowhere"):
            done = run_agent(action, functions, **{**self.parameters, **parameters})
            self.assertEqual(done[0], status, (action, functions, done[1]))
            self.assertIn(log, done[1], (action, functions))

    def states(self):
        return [each["state"] for each in self.ask("list", "web")["devices"]]

    def test_starts_once_and_stops_though_the_guest_never_lets_go(self):
        self.expect(NOT_RUNNING, "monitor")
        self.expect(SUCCESS, "stop")
        self.expect(SUCCESS, "start")
        self.expect(SUCCESS, "monitor")
        self.assertEqual(self.machine.devices(), {"ivshmemd.frames"})
        # It was never run, so QEMU has not been asked yet; later it is asked, and not answered.
        self.machine.qmp("cont")
        wait_until(lambda: self.ask("vms")["vms"][0]["runState"] == "running", "the VM to run")
        self.machine.qmp("stop")
        wait_until(lambda: self.ask("vms")["vms"][0]["runState"] == "paused", "the VM to pause")
        self.expect(SUCCESS, "stop", "does not let go of frames")
        self.assertEqual(self.states(), ["detaching"])
        self.expect(NOT_RUNNING, "monitor", "has not let go of frames yet")
        self.machine.reset()
        wait_until(lambda: not self.states(), "the device to leave")
        self.expect(SUCCESS, "stop")
        self.expect(NOT_RUNNING, "monitor")

    def test_takes_a_silent_daemon_for_stopped_only_where_the_vm_does_not_run(self):
        self.expect(SUCCESS, "start")
        self.stop_daemon()
        self.expect(GENERIC, "monitor", "cannot tell")
        self.expect(GENERIC, "stop", "cannot take frames out")
        self.expect(GENERIC, "monitor", monitor="")
        self.end_machine()
        self.expect(NOT_RUNNING, "monitor")
        self.expect(SUCCESS, "stop")

    def test_finds_a_vm_that_has_ended_stopped(self):
        self.expect(SUCCESS, "start")
        self.end_machine()
        wait_until(lambda: self.ask("vms")["vms"][0]["state"] == "unreachable", "the end")
        self.expect(NOT_RUNNING, "monitor")
        self.expect(SUCCESS, "stop")

    def test_waits_for_a_daemon_that_starts(self):
        self.stop_daemon()
        done = []
        parameters = {**self.parameters, "CRM_meta_timeout": "60000"}
        starting = threading.Thread(target=lambda: done.append(run_agent("start", **parameters)))
        starting.start()
        self.start_daemon()
        starting.join()
        self.assertEqual(done[0][0], SUCCESS, done[0][1])

    def test_lets_no_vm_move_with_a_peer(self):
        self.expect(SUCCESS, "start")
        self.machine.qmp("cont")
        wait_until(lambda: self.ask("vms")["vms"][0]["runState"] == "running", "the VM to run")
        self.machine.qmp("stop")
        wait_until(lambda: self.ask("vms")["vms"][0]["runState"] == "paused", "the VM to pause")
        self.expect(GENERIC, "migrate_to", "blocks the migration")

    def test_lets_a_master_go_along(self):
        self.expect(SUCCESS, "start", role="master")
        self.expect(SUCCESS, "migrate_to", role="master")
        self.expect(SUCCESS, "migrate_from", role="master")
        self.assertEqual(self.states(), ["attached"])

    def test_is_told_what_cannot_be(self):
        self.expect(SUCCESS, "validate-all")
        for wrong in ({"vm": ""}, {"vm": "a b"}, {"region": "-x"}, {"name": "$(id)"},
                      {"role": "auto"}, {"vectors": "many"}, {"monitor": "web.qmp"},
                      {"server": "/run/bell.sock"}):
            self.expect(CONFIGURED, "validate-all", **wrong)
            self.expect(CONFIGURED, "start", **wrong)
        self.expect(CONFIGURED, "start", "cannot plug", size="3M")
        self.expect(INSTALLED, "monitor", client="/no/ivshmemctl")
        self.expect(INSTALLED, "stop", "to take frames out", client="/no/ivshmemctl")
        self.expect(UNIMPLEMENTED, "promote")

    def test_is_no_device_of_another_manager(self):
        path = f"{self.regions}/other"
        with open(path, "wb") as file:
            file.truncate(1 << 20)
        self.machine.plug_file("frames", path, 1 << 20)
        wait_until(lambda: self.states() == ["attached"], "the other's device")
        self.expect(NOT_RUNNING, "monitor")

    def test_passes_the_test_of_resource_agents(self):
        if not shutil.which("ocf-tester"):
            self.skipTest("ocf-tester (package resource-agents) is not installed")
        if os.geteuid() != 0:
            self.skipTest("ocf-tester wants to be root")
        self.machine.qmp("cont")
        done = threading.Event()

        # What firmware alone does not: let go of what is asked for.
        def let_go():
            while not done.wait(0.3):
                if self.machine.devices():
                    self.machine.reset()

        thread = threading.Thread(target=let_go)
        thread.start()
        try:
            options = [word for key, value in self.parameters.items()
                       for word in ("-o", f"{key}={value}")]
            tester = subprocess.run(["ocf-tester", "-n", "frames", *options, agent()],
                                    env={**os.environ, "OCF_RESKEY_CRM_meta_timeout": "60000"},
                                    capture_output=True, text=True, timeout=400)
        finally:
            done.set()
            thread.join()
        self.assertEqual(tester.returncode, 0, tester.stdout + tester.stderr)
        self.assertIn("passed all tests", tester.stdout)


if __name__ == "__main__":
    SOURCE, DAEMON, CLIENT = sys.argv[1:4]
    if lacks_root():
        print("skipped: only root sees which QEMUs run, and hides those of others from the agent")
        sys.exit(SKIPPED)
    if "OCF_TEST_INSIDE" not in os.environ:
        os.environ["OCF_TEST_INSIDE"] = "yes"
        os.execvp("unshare", ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc",
                              sys.executable, "-B", *sys.argv])
    if not shutil.which(QEMU):
        print(f"skipped: there is no {QEMU}")
        sys.exit(SKIPPED)
    unittest.main(argv=[sys.argv[0], *sys.argv[4:]])
