#!/usr/bin/env python3
"""What is made of ctest's records of the tests on several QEMUs."""

import itertools
import os
import subprocess
import sys
import tempfile
import unittest

from matrix import reason

PROGRAM = os.path.join(os.path.dirname(os.path.abspath(__file__)), "matrix.py")

PASSED = '<testcase name="{}" status="run"><system-out>Skipped</system-out></testcase>'
FAILED = '<testcase name="{}" status="fail"><failure message=""/></testcase>'
NOT_BUILT = ('<testcase name="{}" status="notrun"><skipped message="Unable to find executable"/>'
             '</testcase>')
GTEST_SKIPPED = """<testcase name="{}" status="notrun">
  <skipped message="SKIP_REGULAR_EXPRESSION_MATCHED"/>
  <system-out>[ RUN      ] Suite.Name
tests/e2e/some_test.cpp:12: Skipped
only root can &lt;do&gt; this


[  SKIPPED ] Suite.Name (0 ms)
</system-out></testcase>"""
SCRIPT_SKIPPED = """<testcase name="{}" status="notrun">
  <skipped message="SKIP_RETURN_CODE=77"/>
  <system-out>{}</system-out></testcase>"""


class Matrix(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory(prefix="ivshmemd-matrix-")
        self.addCleanup(directory.cleanup)
        self.directory = directory.name

    def record(self, version, *cases):
        path = f"{self.directory}/{version}.xml"
        with open(path, "w", encoding="utf-8") as file:
            file.write('<?xml version="1.0" encoding="UTF-8"?>\n'
                       f'<testsuite time="61.6">{"".join(cases)}</testsuite>')
        return version, path

    def run_with(self, *records):
        done = subprocess.run([sys.executable, "-B", PROGRAM, *itertools.chain(*records)],
                              capture_output=True, text=True, check=False)
        self.assertEqual(done.stderr, "")
        return done.returncode, done.stdout.splitlines()

    def test_counts_each_version(self):
        code, lines = self.run_with(
            self.record("5.2.0 (Debian = old)", PASSED.format("A.a"), PASSED.format("A.b")),
            self.record("11.1.0", PASSED.format("A.a")))
        self.assertEqual(code, 0)
        self.assertEqual(lines, ["QEMU                   passed  skipped   failed  seconds",
                                 "5.2.0 (Debian = old)        2        0        0       62",
                                 "11.1.0                      1        0        0       62"])

    def test_names_what_failed_and_what_could_not_run(self):
        code, lines = self.run_with(
            self.record("1", PASSED.format("A.a")),
            self.record("2", PASSED.format("A.a"), FAILED.format("B.b/&quot;x&quot;  # Get() = 1"),
                        NOT_BUILT.format("A.c")))
        self.assertEqual(code, 1)
        self.assertEqual(lines[3:], ["2: 2 failed", "    A.c", '    B.b/"x"'])

    def test_groups_what_was_skipped_by_reason(self):
        code, lines = self.run_with(
            self.record("1", PASSED.format("A.a"), GTEST_SKIPPED.format("A.z"),
                        SCRIPT_SKIPPED.format("script", "no tool\n"), GTEST_SKIPPED.format("A.b")))
        self.assertEqual(code, 0)
        self.assertEqual(lines[2:], ["1: 1 skipped: no tool", "    script",
                                     "1: 2 skipped: only root can <do> this", "    A.b", "    A.z"])

    def test_a_run_without_tests_or_record_is_no_success(self):
        for record in (self.record("1"), ("1", f"{self.directory}/never-written")):
            code, lines = self.run_with(self.record("2", PASSED.format("A.a")), record)
            self.assertEqual((code, lines[-1]), (1, "1: no test was run"))
        self.assertEqual(self.run_with()[0], 1)

    def test_finds_every_kind_of_reason(self):
        for output, why in (("test_life (Life)\nof it ... skipped 'no root: why'\n\nOK (skipped=1)\n",
                             "no root: why"),
                            ("first\nno tool: ./dev setup\n\n", "no tool: ./dev setup"),
                            ("", "no reason given"), ("\n", "no reason given")):
            self.assertEqual(reason(output), why)


if __name__ == "__main__":
    unittest.main(verbosity=2)
