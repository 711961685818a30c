#!/usr/bin/env python3
"""The Debian packages: what is in them, and their life on a host from installation to purge.

They are made of the programs of the build directory.
usage: package_test.py SOURCE-DIRECTORY BUILD-DIRECTORY [unittest arguments]
"""

import contextlib
import glob
import os
import re
import shutil
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, "systemd"))

from clean_root import CleanRoot, Impossible, run  # noqa: E402
from host import SYSTEM_UNITS, Host, mapped  # noqa: E402
from machines import QEMU  # noqa: E402
from packing import control_field, make_packages, tree_version  # noqa: E402
from unit_file import UnitFile  # noqa: E402

TOOLS = ("dh", "dpkg-deb", "lintian")
SKIPPED = 77
ACCOUNTS = r"/etc/(\.pwd\.lock|(passwd|group|shadow|gshadow)-?)$"  # stay
DPKGS_OWN = ("/var/lib/dpkg/", "/var/log/")
UNITS = ("ivshmemd.socket", "ivshmemd.service")
DOCUMENTS = "/usr/share/doc/ivshmemd"


class Package(unittest.TestCase):
    source = main = doc = bridge = newer = None

    @staticmethod
    def contents(package):
        """The absolute path of every file."""
        lines = run("dpkg-deb", "--contents", package).stdout.splitlines()
        return {line.split()[5].removeprefix(".") for line in lines if not line.endswith("/")}

    @staticmethod
    def field(package, name):
        return run("dpkg-deb", "--field", package, name).stdout.removesuffix("\n")

    def test_pleases_lintian(self):
        done = run("lintian", "--fail-on", "error,warning", self.main, self.doc, self.bridge)
        self.assertEqual((done.returncode, done.stdout), (0, ""), done.stderr)

    def test_says_where_it_comes_from(self):
        version = tree_version(self.source)
        for package, name in ((self.main, "ivshmemd"), (self.doc, "ivshmemd-doc"),
                              (self.bridge, "ivshmemd-libvirt")):
            self.assertEqual(self.field(package, "Package"), name)
            self.assertEqual(self.field(package, "Version"), version)
            for field in ("Maintainer", "Homepage"):
                self.assertEqual(self.field(package, field), control_field(self.source, field))
        for needed in ("libc6", "systemd-sysusers", "systemd-tmpfiles"):
            self.assertIn(needed, self.field(self.main, "Depends"))

    def test_has_every_program_and_file_that_a_unit_names(self):
        for path in glob.glob(f"{self.source}/systemd/*.service"):
            unit = UnitFile(path)
            contents = self.contents(self.package_of(path))
            self.assertIn(f"/usr/lib/systemd/system/{os.path.basename(path)}", contents)
            self.assertIn(unit.one("ExecStart").split()[0], contents)
        self.assertLessEqual({"/usr/bin/ivshmemctl", "/etc/ivshmemd/ivshmemd.toml"},
                             self.contents(self.main))
        self.assertEqual(self.contents(self.main) & self.contents(self.bridge), set())
        self.assertNotIn("libvirt", self.field(self.main, "Depends"))

    def package_of(self, path):
        return self.bridge if "libvirt" in os.path.basename(path) else self.main

    def test_has_every_manual(self):
        manuals = [path for layer in ("daemon", "systemd")
                   for path in glob.glob(f"{self.source}/{layer}/**/*.[1-8]", recursive=True)]
        self.assertGreater(len(manuals), 3)
        for path in manuals:
            contents = self.contents(self.package_of(path))
            self.assertIn(f"/usr/share/man/man{path[-1]}/{os.path.basename(path)}.gz", contents)

    def test_has_every_example_in_the_other_package(self):
        contents = self.contents(self.doc)
        examples = set(os.listdir(f"{self.source}/systemd/examples"))
        examples |= set(os.listdir(f"{self.source}/tests/examples"))
        examples -= {"demo.sh", "selftest"}  # need the source tree
        there = {f"{DOCUMENTS}/examples/{path}" for path in examples}
        self.assertLessEqual(there | {f"{DOCUMENTS}/README.md.gz"}, contents)
        for path in contents:
            self.assertRegex(path, "^/usr/share/(doc|lintian)/")
        self.assertEqual(contents & self.contents(self.main), set(), "dpkg would refuse the second")


class Life(unittest.TestCase):
    root = None
    why_not = ""

    def setUp(self):
        if self.root is None:
            self.skipTest(self.why_not)
        self.host = Host()
        self.addCleanup(self.host.end)

    def dpkg(self, *arguments):
        """What it says, once it has succeeded."""
        done = run("dpkg", *arguments)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return done.stdout + done.stderr

    def test_goes_from_installation_to_purge(self):
        before = self.root.changes()
        runtime = set(os.listdir("/run"))
        self.install()
        self.use()
        self.upgrade()
        self.remove()
        self.purge()
        left = {path for path in self.root.changes() - before if not re.match(ACCOUNTS, path)}
        self.assertEqual({path for path in left if not path.startswith(DPKGS_OWN)}, set())
        self.assertEqual({path for path in left if "ivshm" in path}, set())
        self.assertEqual(set(os.listdir("/run")) - runtime, {"vms", "systemd"})

    def install(self):
        """On a host that systemd does not run, such as an image being made."""
        self.dpkg("--install", Package.main, Package.doc)
        for unit in UNITS:
            self.assertEqual(run("systemctl", "--root=/", "is-enabled", unit).stdout, "enabled\n")
        self.host.read_accounts()
        self.assertEqual(os.stat("/run/vms").st_gid, self.host.daemon_group)
        done = run("ivshmemd", "--check-config")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.check_places()

    def check_places(self):
        """A shell's --check-config knows what the installed unit lets the daemon do."""
        self.host.configure('[[region_dir]]\nname = "big"\npath = "/var/lib"\n')
        done = run("ivshmemd", "--check-config")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("cannot be used by ivshmemd.service: Read-only file system", done.stderr)
        self.assertIn("ReadWritePaths=/var/lib;", done.stderr)
        drop_ins = f"{SYSTEM_UNITS}/ivshmemd.service.d"
        os.makedirs(drop_ins)
        with open(f"{drop_ins}/50-big.conf", "w", encoding="utf-8") as file:
            file.write("[Service]\nReadWritePaths=/var/lib\n")
        done = run("ivshmemd", "--check-config")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        shutil.rmtree(drop_ins)

    def use(self):
        self.host.add_machine_user("vm-web")
        self.host.add_operator("alice")
        self.host.configure('[daemon]\nvm_dir = "/run/vms"\n')
        self.host.start_machine("web", "vm-web")
        self.host.start_daemon()
        self.host.wait_connected("web")
        self.host.ctl("attach", "web", "shm0", "--size", "1M", "--role", "master")
        for name in ("spare", "replaced", "mapped", "opened"):
            self.host.ctl("attach", "web", name, "--size", "1M")
            self.host.detach("web", name)
        self.assertEqual(self.host.devices("web"), {"shm0": "attached"})
        self.assertNotEqual(self.host.ctl_as("vm-web", "vms").returncode, 0)

    def upgrade(self):
        self.host.pretend_systemd()
        said = self.dpkg("--install", Package.newer)
        self.assertNotIn("conffile", said, "a question about what the administrator changed")
        asked = self.host.asked_of_systemd()
        self.assertIn("restart ivshmemd.service", asked)
        for each in asked:
            self.assertNotRegex(each, "doorbell|socket|stop")
        version = run("dpkg-query", "--show", "-f", "${Version}", "ivshmemd").stdout
        self.assertEqual(version, Package.field(Package.newer, "Version"))
        self.host.restart_daemon()
        self.host.wait_connected("web")
        self.assertEqual(self.host.devices("web"), {"shm0": "attached"})
        self.assertEqual(self.host.machine.devices(), {"ivshmemd.shm0"})

    def remove(self):
        self.dpkg("--remove", "ivshmemd", "ivshmemd-doc")
        asked = self.host.asked_of_systemd()
        self.assertIn("stop ivshmemd.socket ivshmemd.service", asked)
        self.assertIn("stop ivshmem-doorbell@*.socket ivshmem-doorbell@*.service", asked)
        self.host.stop_daemon()
        self.assertTrue(os.path.exists("/etc/ivshmemd/ivshmemd.toml"))
        self.assertTrue(os.path.exists("/dev/shm/spare"))

    def purge(self):
        os.remove("/dev/shm/replaced")
        for name in ("replaced", "foreign"):
            with open(f"/dev/shm/{name}", "wb") as file:
                file.write(bytes(4096))
        with mapped("/dev/shm/mapped"), open("/dev/shm/opened", "rb"):
            said = self.dpkg("--purge", "ivshmemd", "ivshmemd-doc")
        for name in ("shm0", "mapped", "opened"):
            self.assertIn(f"kept the region /dev/shm/{name}: a process uses it", said)
        self.assertIn("removed the region /dev/shm/spare, which nobody used", said)
        self.assertIn("kept /run/vms", said)
        self.assertEqual(set(os.listdir("/dev/shm")),
                         {"shm0", "mapped", "opened", "replaced", "foreign"})
        self.assertEqual(self.host.machine.devices(), {"ivshmemd.shm0"})


def main():
    Package.source, build, *selected = sys.argv[1:]
    missing = [tool for tool in TOOLS if not shutil.which(tool)]
    if missing and "IVSHMEMD_REQUIRE_QEMU" not in os.environ:
        print(f"these tools are missing: {' '.join(missing)}; ./dev setup installs them")
        return SKIPPED
    with contextlib.ExitStack() as stack:
        packages = stack.enter_context(tempfile.TemporaryDirectory(prefix="ivshmemd-package-"))
        os.chmod(packages, 0o755)
        version = tree_version(Package.source)
        Package.main, Package.doc, Package.bridge = make_packages(Package.source, build, packages, version)
        newer = version.removesuffix("-1") + "+1-1"
        Package.newer, _, _ = make_packages(Package.source, build, packages, newer)
        try:
            visible = [Package.source, packages]
            if os.path.isabs(QEMU):
                visible.append(os.path.dirname(QEMU))
            Life.root = stack.enter_context(CleanRoot(*visible))
        except Impossible as error:
            Life.why_not = f"this needs root and a root directory of its own: {error}"
        outcome = unittest.main(argv=[sys.argv[0], *selected], exit=False, verbosity=2).result
    if not outcome.wasSuccessful():
        return 1
    return SKIPPED if outcome.skipped else 0


if __name__ == "__main__":
    sys.exit(main())
