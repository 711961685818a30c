#!/usr/bin/env python3
"""The units, users and directories as systemd's own tools see them, without a running systemd.

usage: units_test.py SOURCE-DIRECTORY [unittest arguments]
"""

import glob
import grp
import os
import shutil
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, "wire"))

from root import lacks_root  # noqa: E402
from test_root import TestRoot, run  # noqa: E402
from unit_file import UnitFile  # noqa: E402

TOOLS = ("systemd-analyze", "systemd-sysusers", "systemd-tmpfiles", "getfacl")
UNITS = ("ivshmemd.service", "ivshmemd.socket", "ivshmemd-read.socket", "ivshmemd-libvirt.service",
         "ivshmem-doorbell@net0.service", "ivshmem-doorbell@net0.socket", "qemu@web.service")
SERVICES = ("ivshmemd.service", "ivshmem-doorbell@.service", "ivshmemd-libvirt.service")
SKIPPED = 77


class Units(unittest.TestCase):
    source = None

    def setUp(self):
        directory = tempfile.TemporaryDirectory(prefix="ivshmemd-root-")
        self.addCleanup(directory.cleanup)
        self.root = TestRoot(directory.name, self.source)

    def unit(self, name):
        return UnitFile(f"{self.source}/systemd/{name}")


class Verified(Units):
    def test_nothing_is_wrong_with_any_unit(self):
        for unit in UNITS:
            with self.subTest(unit=unit):
                self.assertEqual(self.root.verify(unit), "")

    def test_planted_faults_are_found(self):
        service = "etc/systemd/system/ivshmemd.service"
        self.root.replace(service, "WatchdogSec=", "WatchdogSeconds=")
        self.assertIn("WatchdogSeconds", self.root.verify("ivshmemd.service"))
        os.remove(f"{self.root.path}/usr/sbin/ivshmem-doorbell")
        self.assertIn("not executable", self.root.verify("ivshmem-doorbell@net0.service"))

    def test_every_unit_of_the_tree_is_among_them(self):
        found = {os.path.basename(path).replace("@.", "@*.")
                 for path in glob.glob(f"{self.source}/systemd/**/*.s[oe]*", recursive=True)}
        tested = {unit.replace("@net0.", "@*.").replace("@web.", "@*.") for unit in UNITS}
        self.assertEqual(found, tested)


class Exposure(Units):
    # In tenths. The bridge looks for processes of others, and is in a group of others.
    MOST = {"ivshmemd-libvirt.service": 6}

    def security(self, path):
        most = self.MOST.get(os.path.basename(path), 5)
        return run("systemd-analyze", "security", "--offline=yes", f"--threshold={most}", path)

    def test_is_at_most_a_half(self):
        for service in SERVICES:
            with self.subTest(service=service):
                done = self.security(f"{self.source}/systemd/{service}")
                self.assertEqual(done.returncode, 0, done.stdout[-200:] + done.stderr)

    def test_is_measured(self):
        service = "etc/systemd/system/ivshmemd.service"
        self.root.replace(service, "CapabilityBoundingSet=\n", "")
        self.assertNotEqual(self.security(f"{self.root.path}/{service}").returncode, 0)

    def test_is_not_bought_with_what_breaks_the_service(self):
        for service in SERVICES:
            unit = self.unit(service)
            for key in ("DynamicUser", "RemoveIPC", "PrivateUsers", "BindsTo", "MemoryMax"):
                self.assertEqual(unit.all(key), [], f"{key} in {service}")


class Accounts(Units):
    def test_users_and_groups_of_the_units_are_made(self):
        done = self.root.make_users()
        self.assertEqual(done.returncode, 0, done.stderr)
        users, groups = self.root.ids("passwd"), self.root.ids("group")
        for service in SERVICES:
            self.assertIn(self.unit(service).one("User"), users)
            self.assertIn(self.unit(service).one("Group"), groups)
        for socket in ("ivshmemd.socket", "ivshmem-doorbell@.socket"):
            self.assertIn(self.unit(socket).one("SocketGroup"), groups)
            self.assertEqual(self.unit(socket).one("SocketMode"), "0660")
        self.assertTrue(all(0 < each < 1000 for each in users.values()), users)

    def test_a_second_time_changes_nothing(self):
        self.root.make_users()
        before = self.root.ids("passwd"), self.root.ids("group")
        self.assertEqual(self.root.make_users().returncode, 0)
        self.assertEqual((self.root.ids("passwd"), self.root.ids("group")), before)


class Directories(Units):
    def setUp(self):
        super().setUp()
        if lacks_root():
            self.skipTest("only root can give directories away")
        self.root.make_users()
        # ACLs are read with the host's groups, even for another root.
        self.makers = "kvm"
        try:
            grp.getgrnam(self.makers)
        except KeyError:
            self.makers = "nogroup"
            self.root.replace("usr/lib/tmpfiles.d/ivshmemd.conf", "group:kvm", "group:nogroup")

    def test_have_owners_and_modes(self):
        for _ in range(2):  # the second time they are there
            done = self.root.make_directories()
            self.assertEqual((done.returncode, done.stdout + done.stderr), (0, ""))
            user, group = self.root.ids("passwd")["ivshmemd"], self.root.ids("group")["ivshmemd"]
            self.assertEqual(self.root.owner("run/ivshmemd"), (user, group))
            self.assertEqual(self.root.mode("run/ivshmemd"), 0o755)
            self.assertEqual(self.root.owner("run/vms"), (0, group))
            self.assertEqual(self.root.mode("run/vms"), 0o3770)
            acl = run("getfacl", "-cp", f"{self.root.path}/run/vms").stdout
            self.assertIn(f"group:{self.makers}:-wx\n", acl)
            self.assertIn("other::---\n", acl)

    def test_are_where_the_sockets_are(self):
        self.root.make_directories()
        for socket in ("ivshmemd.socket", "ivshmem-doorbell@.socket"):
            path = os.path.dirname(self.unit(socket).one("ListenStream"))
            self.assertTrue(os.path.isdir(self.root.path + path), path)


def main():
    Units.source, *selected = sys.argv[1:]
    missing = [tool for tool in TOOLS if not shutil.which(tool)]
    if missing and "IVSHMEMD_REQUIRE_QEMU" not in os.environ:
        print(f"these tools are missing: {' '.join(missing)}; ./dev setup installs them")
        return SKIPPED
    outcome = unittest.main(argv=[sys.argv[0], *selected], exit=False, verbosity=2).result
    return 0 if outcome.wasSuccessful() else 1


if __name__ == "__main__":
    sys.exit(main())
