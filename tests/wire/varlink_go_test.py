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

from manual import commands
from varlink_client import PATIENCE
from varlink_idl import Interface

GENERATOR = "varlink-go-interface-generator"
HOTPLUG = "io.ivshmemd.Hotplug"
SKIPPED = 77


class Generator(unittest.TestCase):
    source = text = ""

    def generate(self, text):
        """What the manual's commands make of an interface, or say against it."""
        with tempfile.TemporaryDirectory(prefix="ivshmemd-wire-") as directory:
            path = f"{directory}/{HOTPLUG}.varlink"
            with open(path, "w", encoding="utf-8") as file:
                file.write(text)
            script = "\n".join(commands(self.source, "sed '") + commands(self.source, GENERATOR)
                               + commands(self.source, "sed -i"))
            script = script.replace(f"/usr/share/varlink/{HOTPLUG}.varlink", path)
            result = subprocess.run(["bash", "-ec", script], cwd=directory, capture_output=True,
                                    text=True, timeout=PATIENCE, check=False)
            if result.returncode != 0:
                return "", result.stderr
            with open(f"{directory}/ioivshmemdhotplug.go", encoding="utf-8") as file:
                return file.read(), ""

    def test_reads_everything_but_the_capital(self):
        interface = Interface(self.text)
        program, complaint = self.generate(self.text)
        self.assertEqual(complaint, "")
        self.assertNotIn(HOTPLUG.lower(), program)
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
    Generator.source = sys.argv[1]
    with open(f"{sys.argv[1]}/proto/{HOTPLUG}.varlink", encoding="utf-8") as published:
        Generator.text = published.read()
    unittest.main(argv=sys.argv[:1] + sys.argv[2:], verbosity=2)
