#!/usr/bin/env python3
"""Runs the clients in bash: the one over the bare socket, and the one that lives with ivshmemctl.

usage: shell_client_test.py DAEMON IVSHMEMCTL [unittest arguments]
"""

import os
import subprocess
import sys

from stage import EXAMPLES, PATIENCE, ExampleTest, run_tests, wait_until

# Commands for with-region.sh.
GREETING = "good morning"
READ_IN_GUEST = f"""
printf %s "{GREETING}" | dd of="$REGION" conv=notrunc status=none
{EXAMPLES}/selftest/in_guest.py "$DIRECTORY" web "shm -d $GUEST_ADDRESS read 0 {len(GREETING)}"
exit 42
"""
AWAIT_BOOT = "until grep -q GUEST-READY $DIRECTORY/late.log; do sleep 0.1; done; echo booted"


class ShellClients(ExampleTest):
    other_vms = ("absent", "late")

    def with_region(self, *arguments, **variables):
        return self.example("with-region.sh", *arguments, DIRECTORY=self.directory, **variables)

    def test_attach_list_and_detach(self):
        done = self.example("client.sh", "vms")
        self.assertEqual(done.returncode, 0)
        self.assertIn("web\tconnected\trunning\t0\n", done.stdout)

        for answer in ("attached\n", "was there already\n"):
            done = self.example("client.sh", "attach", "web", "from-bash", "65536")
            self.assertEqual((done.returncode, done.stdout), (0, answer))
        self.assertEqual(os.stat(self.region("from-bash")).st_size, 65536)

        done = self.example("client.sh", "list", "web")
        self.assertEqual(done.stdout, "from-bash\tivshmem_plain\tpeer\t65536\tfrom-bash\tattached\n")

        done = self.example("client.sh", "detach", "web", "from-bash")
        self.assertEqual((done.returncode, done.stdout), (0, "removed\n"))
        self.assert_bare("web", "from-bash")

    def test_have_a_status_for_each_failure(self):
        done = self.example("client.sh", "attach", "web", 'na"me', "65536")
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stderr, "^BadName: ")
        done = self.example("client.sh", "vms", IVSHMEMD_SOCKET=f"{self.directory}/nobody.sock")
        self.assertEqual(done.returncode, 5)
        self.assertEqual(self.example("client.sh", "attach", "web", "five", "5k").returncode, 2)
        self.assertEqual(self.example("client.sh", "undo").returncode, 2)

    def test_a_pending_removal_has_its_status(self):
        self.assertEqual(self.example("client.sh", "attach", "web", "held", "65536").returncode, 0)
        web = self.guests["web"]
        web.qmp("stop")  # a paused guest lets nothing go
        try:
            done = self.example("client.sh", "detach", "web", "held", TIMEOUT_MS="100")
            self.assertEqual((done.returncode, done.stdout), (7, "pending\n"))
        finally:
            web.qmp("cont")
        wait_until(lambda: not os.path.exists(self.region("held")), "the removal, by itself")
        self.assert_bare("web")

    def test_run_a_command_while_the_guest_has_the_region(self):
        done = self.with_region("web", "briefly", "64K", "bash", "-c", READ_IN_GUEST)
        self.assertEqual((done.returncode, done.stdout), (42, GREETING))
        self.assert_bare("web", "briefly")

    def test_wait_for_a_machine(self):
        command = (f"{EXAMPLES}/with-region.sh", "late", "waited-for", "64K", "bash", "-c", AWAIT_BOOT)
        variables = {**self.environment(), "DIRECTORY": self.directory, "PATIENCE": str(PATIENCE)}
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                              env=variables) as script:
            self.assertIn("waiting for late", script.stderr.readline())
            self.start_guest("late")
            output, words = script.communicate(timeout=PATIENCE)
        self.assertEqual((script.returncode, output), (0, "booted\n"), words)
        self.assert_bare("late", "waited-for")

    def test_wait_only_so_long(self):
        done = self.with_region("absent", "never", "64K", "echo", "ran", PATIENCE="0")
        self.assertEqual((done.returncode, done.stdout), (5, ""))
        self.assertIn("VmUnavailable: ", done.stderr)

    def test_leave_what_is_anothers(self):
        self.assertEqual(self.example("client.sh", "attach", "web", "kept", "65536").returncode, 0)
        for size, why in (("64K", "web has kept already"), ("128K", "DeviceExists: ")):
            done = self.with_region("web", "kept", size, "echo", "ran")
            self.assertEqual((done.returncode, done.stdout), (6, ""))
            self.assertIn(why, done.stderr)
        self.assertEqual(self.guests["web"].devices(), {"ivshmemd.kept"})
        self.assertEqual(self.example("client.sh", "detach", "web", "kept").returncode, 0)

    def test_pass_on_why_not(self):
        for vm, size, status in (("nobody", "64K", 3), ("web", "5000", 2), ("web", "64Z", 2)):
            done = self.with_region(vm, "refused", size, "echo", "ran")
            self.assertEqual((done.returncode, done.stdout), (status, ""))


if __name__ == "__main__":
    sys.exit(run_tests("socat", "jq"))
