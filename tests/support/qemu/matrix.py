#!/usr/bin/env python3
"""Sums up runs of the tests on several QEMUs, each one recorded by ctest --output-junit.

usage: matrix.py VERSION FILE [VERSION FILE]...
A file that is not there is a run that never came to its tests. The exit code is 1 unless every run
had tests and none of them failed.
"""

import os
import re
import sys
import xml.etree.ElementTree
from collections import defaultdict

# How the tests say why they skip: gtest's, unittest's, and otherwise a last line.
REASONS = (re.compile(r"^\S+:\d+: Skipped\n(.+)$", re.MULTILINE),
           re.compile(r"\.\.\. skipped ['\"](.*)['\"]$", re.MULTILINE),
           re.compile(r"(.*\S)\s*\Z"))


def reason(output):
    found = [match for match in (each.search(output) for each in REASONS) if match]
    return found[0].group(1).strip() if found else "no reason given"


class Run:
    def __init__(self, version):
        self.version = version
        self.passed, self.failed = [], []
        self.skipped = defaultdict(list)  # names by reason
        self.seconds = 0

    def read(self, path):
        suite = xml.etree.ElementTree.parse(path).getroot()
        self.seconds = round(float(suite.get("time", 0)))
        for case in suite.iter("testcase"):
            self.add(case.get("name").partition("  # ")[0], case)  # without gtest's parameters

    def add(self, name, case):
        skipped = case.find("skipped")
        if case.get("status") == "run":
            self.passed.append(name)
        # To ctest, a test whose program is missing is skipped, too.
        elif skipped is not None and skipped.get("message", "").startswith("SKIP_"):
            self.skipped[reason(case.findtext("system-out") or "")].append(name)
        else:
            self.failed.append(name)

    def is_good(self):
        return bool(self.passed) and not self.failed

    def row(self):
        skipped = sum(len(names) for names in self.skipped.values())
        return (self.version, len(self.passed), skipped, len(self.failed), self.seconds)

    def details(self):
        if not self.passed and not self.failed:
            yield f"{self.version}: no test was run"
        for why, names in sorted(self.skipped.items()):
            yield f"{self.version}: {len(names)} skipped: {why}"
            yield from (f"    {name}" for name in sorted(names))
        if self.failed:
            yield f"{self.version}: {len(self.failed)} failed"
            yield from (f"    {name}" for name in sorted(self.failed))


def table(runs):
    rows = [("QEMU", "passed", "skipped", "failed", "seconds"), *(each.row() for each in runs)]
    width = max(len(row[0]) for row in rows)
    lines = [f"{row[0]:<{width}}" + "".join(f"{cell:>9}" for cell in row[1:]) for row in rows]
    for each in runs:
        lines += each.details()
    return "\n".join(lines)


def read_all(arguments):
    for version, path in zip(arguments[::2], arguments[1::2], strict=True):
        run = Run(version)
        if os.path.exists(path):
            run.read(path)
        yield run


def main():
    runs = list(read_all(sys.argv[1:]))
    print(table(runs))
    return 0 if runs and all(each.is_good() for each in runs) else 1


if __name__ == "__main__":
    sys.exit(main())
