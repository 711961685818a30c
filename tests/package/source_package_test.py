#!/usr/bin/env python3
"""The Debian source package: what is in it, and the version that tells commits apart.

usage: source_package_test.py SOURCE-DIRECTORY [unittest arguments]
"""

import filecmp
import glob
import os
import re
import shutil
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, "systemd"))

from clean_root import run  # noqa: E402
from packing import control_field, succeed, tree_version  # noqa: E402

TOOLS = ("dpkg-source", "dpkg-parsechangelog", "lintian", "git")
SKIPPED = 77
ADDRESS = r"[\w.@]+\.invalid\b"  # there is no public home


class Temporary(unittest.TestCase):
    source = None

    def setUp(self):
        directory = tempfile.TemporaryDirectory(prefix="ivshmemd-source-")
        self.addCleanup(directory.cleanup)
        self.directory = directory.name


class Version(Temporary):
    def setUp(self):
        super().setUp()
        for path in ("CMakeLists.txt", "systemd/source-package.sh"):
            os.makedirs(os.path.dirname(f"{self.directory}/{path}"), exist_ok=True)
            shutil.copy(f"{self.source}/{path}", f"{self.directory}/{path}")
        shutil.copytree(f"{self.source}/systemd/package", f"{self.directory}/systemd/package")
        os.environ.pop("SOURCE_DATE_EPOCH", None)

    def git(self, *arguments):
        return succeed("git", "-C", self.directory, "-c", "user.name=x", "-c", "user.email=x@x",
                       *arguments).strip()

    def commit(self, date):
        """The version of a commit that was made then."""
        os.environ["GIT_COMMITTER_DATE"] = date
        self.git("commit", "--quiet", "--allow-empty", "--message", date)
        return tree_version(self.directory)

    def make_debian(self):
        """The changelog's last line, with who and when."""
        succeed(f"{self.directory}/systemd/source-package.sh", "debian", self.directory)
        with open(f"{self.directory}/debian/changelog", encoding="utf-8") as file:
            return file.read().splitlines()[-1]

    def test_tells_commits_apart_and_grows(self):
        self.git("init", "--quiet")
        dates = ("2026-01-01T00:30:00+0100", "2026-01-01T00:30:00+0000", "2026-01-01T00:30:01+0000",
                 "2026-02-01T00:00:00+0000")
        versions = [self.commit(date) for date in dates]
        self.assertRegex(versions[0], r"^[\d.]+\+git202512312330\.1\.[0-9a-f]{8}-1$")
        commit = self.git("rev-parse", "HEAD")[:8]
        self.assertTrue(versions[-1].endswith(f"+git202602010000.4.{commit}-1"), versions[-1])
        for older, newer in zip(versions, versions[1:]):
            self.assertEqual(run("dpkg", "--compare-versions", older, "lt", newer).returncode, 0,
                             f"{older} is not before {newer}")
        self.assertTrue(self.make_debian().endswith("  Sun, 01 Feb 2026 00:00:00 +0000"))

    def test_without_git_is_that_of_the_changelog_or_the_number_alone(self):
        self.assertRegex(tree_version(self.directory), r"^[\d.]+-1$")
        os.utime(f"{self.directory}/CMakeLists.txt", (1767225600, 1767225600))
        maintainer = control_field(self.source, "Maintainer")
        self.assertEqual(self.make_debian(), f" -- {maintainer}  Thu, 01 Jan 2026 00:00:00 +0000")
        succeed("sed", "-i", "1s/(.*)/(7.5+gitx-3)/", f"{self.directory}/debian/changelog")
        self.assertEqual(tree_version(self.directory), "7.5+gitx-3")


class Source(Temporary):
    def build(self, name="first"):
        """The path of the .dsc."""
        directory = f"{self.directory}/{name}"
        succeed(f"{self.source}/systemd/source-package.sh", "build", directory)
        (description,) = glob.glob(f"{directory}/*.dsc")
        return description

    def test_pleases_lintian_and_has_what_builds_the_packages(self):
        description, tree = self.build(), f"{self.directory}/tree"
        done = run("lintian", "--fail-on", "error,warning", description)
        self.assertEqual((done.returncode, done.stdout), (0, ""), done.stderr)
        version = tree_version(self.source)
        with open(description, encoding="utf-8") as file:
            text = file.read()
        for field in ("Maintainer", "Homepage", "Vcs-Git", "Vcs-Browser"):
            self.assertIn(f"\n{field}: {control_field(self.source, field)}\n", text)
        self.assertIn(f"\nVersion: {version}\n", text)
        self.assertIn("\nBinary: ivshmemd, ivshmemd-libvirt, ivshmemd-doc\n", text)
        succeed("dpkg-source", "--extract", description, tree)
        self.assertTrue(os.access(f"{tree}/debian/rules", os.X_OK))
        self.assertEqual(tree_version(tree), version)
        self.assertLessEqual({"CMakeLists.txt", "LICENSE", "daemon", "debian", "tests"},
                             set(os.listdir(tree)))
        self.assertEqual(glob.glob(f"{tree}/build*") + glob.glob(f"{tree}/.git"), [])

    def test_is_the_same_every_time(self):
        first, second = (os.path.dirname(self.build(name)) for name in ("first", "second"))
        names = os.listdir(first)
        self.assertEqual(len(names), 3)
        self.assertEqual(filecmp.cmpfiles(first, second, names, shallow=False)[1:], ([], []))


class Places(unittest.TestCase):
    source = None

    def test_every_address_of_the_project_is_set_in_one_place(self):
        with open(f"{self.source}/systemd/package/control", encoding="utf-8") as file:
            text = file.read()
        for field in ("Maintainer", "Homepage", "Vcs-Git", "Vcs-Browser"):
            self.assertRegex(control_field(self.source, field), ADDRESS)
        (host,) = set(re.findall(r"[\w.]+\.invalid\b", text))
        found = [os.path.relpath(f"{directory}/{name}", self.source)
                 for directory in self.directories() for name in os.listdir(directory)
                 if self.mentions(f"{directory}/{name}", host)]
        self.assertEqual(found, ["systemd/package/control"])

    def directories(self):
        for directory, directories, _ in os.walk(self.source):
            directories[:] = [name for name in directories
                              if name not in (".git", "build", "debian")
                              and not name.startswith("build-")]
            yield directory

    @staticmethod
    def mentions(path, text):
        if not os.path.isfile(path):
            return False
        with open(path, "rb") as file:
            return text.encode() in file.read()


def main():
    source, *selected = sys.argv[1:]
    Temporary.source = Places.source = source
    missing = [tool for tool in TOOLS if not shutil.which(tool)]
    if missing and "IVSHMEMD_REQUIRE_QEMU" not in os.environ:
        print(f"these tools are missing: {' '.join(missing)}; ./dev setup installs them")
        return SKIPPED
    outcome = unittest.main(argv=[sys.argv[0], *selected], exit=False, verbosity=2).result
    return 0 if outcome.wasSuccessful() else 1


if __name__ == "__main__":
    sys.exit(main())
