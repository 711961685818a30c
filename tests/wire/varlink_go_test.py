#!/usr/bin/env python3
"""varlink-go's generator makes Go of the interface.

Version 0.4.0 reads no interface whose name has a capital letter: it is given the name in small
letters, and in what it made the name is put right, as the manual says. The details are in
findings/varlink-go-reads-no-capital-in-a-name.sh.
usage: varlink_go_test.py SOURCE_DIRECTORY [unittest arguments]
"""

import re
import shutil
import subprocess
import sys
import tempfile
import unittest

from varlink_client import PATIENCE
from varlink_idl import Interface

GENERATOR = "varlink-go-interface-generator"
HOTPLUG = "io.ivshmemd.Hotplug"
SKIPPED = 77


class Generator(unittest.TestCase):
    text = ""

    def generate(self, text):
        """The program that it makes of an interface, or what it says against that."""
        with tempfile.TemporaryDirectory(prefix="ivshmemd-wire-") as directory:
            path = f"{directory}/{HOTPLUG.lower()}.varlink"
            with open(path, "w", encoding="utf-8") as file:
                file.write(text)
            result = subprocess.run([GENERATOR, path], capture_output=True, text=True,
                                    timeout=PATIENCE, check=False)
            if result.returncode != 0:
                return "", result.stderr
            with open(f"{directory}/ioivshmemdhotplug.go", encoding="utf-8") as file:
                return file.read().replace(HOTPLUG.lower(), HOTPLUG), ""

    def test_reads_everything_but_the_capital(self):
        interface = Interface(self.text)
        program, complaint = self.generate(self.text.replace(f"interface {HOTPLUG}\n",
                                                             f"interface {HOTPLUG.lower()}\n"))
        self.assertEqual(complaint, "")
        for method in interface.methods:
            self.assertIn(f'"{HOTPLUG}.{method}"', program)
            self.assertIn(f"\nfunc {method}() {method}_methods ", program)
        for name in interface.errors:
            self.assertIn(f'"{HOTPLUG}.{name}"', program)
        # A value that is new to a client is a string like any other.
        for name, kind in interface.types.items():
            if kind[0] == "enum":
                self.assertTrue(re.search(rf"^type {name} string$", program, re.MULTILINE), name)

    def test_complains_of_what_it_cannot_read(self):
        self.assertNotEqual(self.generate("interface a.b\nmethod A(b: ) -> ()\n")[1], "")


if __name__ == "__main__":
    if shutil.which(GENERATOR) is None:
        print(f"skipped: there is no {GENERATOR} here; it is in Debian's varlink-go")
        sys.exit(SKIPPED)
    with open(f"{sys.argv[1]}/proto/{HOTPLUG}.varlink", encoding="utf-8") as published:
        Generator.text = published.read()
    unittest.main(argv=sys.argv[:1] + sys.argv[2:], verbosity=2)
