#!/usr/bin/env python3
"""Proves that the manuals tell of everything there is, and of nothing else.

Usage: manual_test.py SOURCE_DIR IVSHMEMD IVSHMEMCTL IVSHMEM_DOORBELL [IVSHMEMD_LIBVIRT]

Options are those in the programs' own --help. Each check is shown to fail on a manual with a fault
planted in it.
"""

import json
import re
import shutil
import subprocess
import sys
import unittest
from pathlib import Path

ROOT = Path()
PROGRAMS = {}

PAGES = {
    "ivshmemd.8": "daemon/ivshmemd.8",
    "ivshmemctl.1": "daemon/ctl/ivshmemctl.1",
    "ivshmem-doorbell.8": "daemon/doorbell/ivshmem-doorbell.8",
    "ivshmemd-libvirt.8": "daemon/libvirt/ivshmemd-libvirt.8",
    "ivshmemd.toml.5": "systemd/ivshmemd.toml.5",
    "ivshmem.7": "daemon/ivshmem.7",
}
# The client's own, besides those of the API and the standard ones.
CLIENT_ERRORS = {"Usage": 2, "BadReply": 1, "DaemonUnreachable": 5, "Interrupted": 130,
                 "HostUnreachable": 5, "BridgeMissing": 5, "OtherVersion": 5}
STANDARD_ERRORS = ("InvalidParameter", "PermissionDenied")


def page(name):
    return (ROOT / PAGES[name]).read_text()


def sections(text, macro):
    """The text below each heading of this kind, by the heading's first word."""
    parts = re.split(rf"^\.{macro} (.*)$", text, flags=re.MULTILINE)
    return {
        title.split()[0]: re.split(r"^\.Sh ", body, flags=re.MULTILINE)[0]
        for title, body in zip(parts[1::2], parts[2::2])
    }


def section(text, title):
    return re.split(r"^\.Sh ", text.split(f"\n.Sh {title}\n", 1)[1], flags=re.MULTILINE)[0]


def items(text, macro):
    return re.findall(rf"^\.It {macro} (\S+)", text, re.MULTILINE)


def listed_options(text):
    """--name of each option that has an item of its own."""
    found = re.findall(r"^\.It Fl (?:\w , )?-([a-z-]+)", text, re.MULTILINE)
    return {"--" + name for name in found}


def listed_keys(text):
    keys = set()
    for heading, body in sections(text, "Ss").items():
        keys |= {(heading.removesuffix("\\&").strip("[]"), key) for key in items(body, "Ic")}
    return keys


def listed_errors(text):
    """Exit status by name, as DIAGNOSTICS has it."""
    errors = {}
    parts = re.split(r"^\.Ss Exit status (\d+)$", section(text, "DIAGNOSTICS"), flags=re.MULTILINE)
    for status, body in zip(parts[1::2], parts[2::2]):
        errors |= {name.split(".")[-1]: int(status) for name in items(body, "Sy")}
    return errors


def table_rows(text):
    """The tests named beside each row of the table of migrations."""
    table = re.sub(r"T\{\n(.*?)\nT\}", r"\1", text.split("\n.TS\n")[1].split("\n.TE\n")[0], flags=re.DOTALL)
    rows = []
    for line in table.split("|WHAT HAPPENS\n")[1].split("\n"):
        if line.startswith('.\\" test: '):
            rows[-1][1].append(line.removeprefix('.\\" test: '))
        else:
            rows.append((line, []))
    return rows


def existing_tests():
    tests = set()
    for source in (ROOT / "tests").rglob("*_test.cpp"):
        tests |= set(re.findall(r"^TEST(?:_F|_P)?\((\w+), *(\w+)\)", source.read_text(), re.MULTILINE))
    tests |= {("Recorded", name) for name in dir(Recorded) if name.startswith("test_")}
    return {".".join(test) for test in tests}


def unproved_rows(text):
    existing = existing_tests()
    return [row for row, tests in table_rows(text) if not tests or not existing.issuperset(tests)]


def help_of(program, *command):
    result = subprocess.run(
        [PROGRAMS[program], *command, "--help"], capture_output=True, text=True, timeout=60, check=True)
    return result.stdout


def offered_options(text):
    # What goes on is further to the right.
    return set(re.findall(r"^ {2,12}(?:-\w, *)?(--[a-z-]+)", text, re.MULTILINE))


def offered_commands():
    listing = help_of("ivshmemctl").split("Commands:\n")[1].split("\n\n")[0]
    return set(re.findall(r"^  ([a-z-]+)", listing, re.MULTILINE))


class Options(unittest.TestCase):
    def test_of_the_servers_are_told_of(self):
        for program in PROGRAMS.keys() - {"ivshmemctl"}:
            offered = offered_options(help_of(program))
            self.assertGreater(len(offered), 4)
            self.assertEqual(offered, listed_options(section(page(f"{program}.8"), "OPTIONS")), program)

    def test_of_the_client_are_told_of(self):
        listed = listed_options(section(page("ivshmemctl.1"), "OPTIONS"))
        self.assertEqual(offered_options(help_of("ivshmemctl")), listed)

    def test_of_each_command_are_told_of(self):
        told = sections(section(page("ivshmemctl.1"), "COMMANDS"), "Ss")
        of_all = offered_options(help_of("ivshmemctl"))
        self.assertEqual(offered_commands(), set(told))
        for command, body in told.items():
            offered = offered_options(help_of("ivshmemctl", command))
            self.assertLessEqual(of_all, offered, command)
            offered -= of_all
            self.assertEqual(offered, listed_options(body), command)

    def test_that_are_missing_or_invented_are_found(self):
        text = section(page("ivshmemd.8"), "OPTIONS")
        cut = re.sub(r"^\.It Fl -state-dir.*\n", "", text, flags=re.MULTILINE)
        self.assertEqual(listed_options(text) - listed_options(cut), {"--state-dir"})
        self.assertIn("--magic", listed_options(text + ".It Fl -magic\n"))


class Commands(unittest.TestCase):
    def test_in_examples_exist(self):
        known = offered_commands()
        for name in PAGES:
            used = set(re.findall(r"^[^.\n]*\bivshmemctl ([a-z][a-z-]+)", page(name), re.MULTILINE))
            used |= set(re.findall(r"^\.(?:Ic|Dl) ivshmemctl ([a-z-]+)", page(name), re.MULTILINE))
            self.assertLessEqual(used, known, name)


class Configuration(unittest.TestCase):
    @staticmethod
    def keys():
        keys = set()
        table = ""
        for line in (ROOT / "systemd/ivshmemd.toml").read_text().splitlines():
            if heading := re.match(r"#?\[+([\w.]+)\]+", line):
                table = heading[1]
            elif key := re.match(r"#?(\w+) = ", line):
                keys.add((table, key[1]))
        return keys

    def test_keys_are_told_of(self):
        keys = self.keys()
        self.assertIn(("trust", "users"), keys)
        self.assertEqual(keys, listed_keys(page("ivshmemd.toml.5")))

    def test_keys_of_another_table_do_not_count(self):
        moved = page("ivshmemd.toml.5").replace(".Ss [limits]", ".Ss [trust]")
        self.assertNotEqual(self.keys(), listed_keys(moved))


class Interface(unittest.TestCase):
    @staticmethod
    def declared(kind):
        text = (ROOT / "proto/io.ivshmemd.Hotplug.varlink").read_text()
        return set(re.findall(rf"^{kind} (\w+)", text, re.MULTILINE))

    def test_methods_are_told_of(self):
        self.assertEqual(self.declared("method"), set(items(section(page("ivshmemd.8"), "API"), "Ic")))

    def test_events_and_findings_are_told_of(self):
        text = (ROOT / "proto/io.ivshmemd.Hotplug.varlink").read_text()
        for command, declared in (("events", "EventKind"), ("doctor", "FindingKind")):
            values = re.search(rf"^type {declared} \((.*?)\)", text, re.M | re.S)[1]
            body = sections(page("ivshmemctl.1"), "Ss")[command]
            listed = re.findall(r"^\.It Sy (.*)", body, re.MULTILINE)
            self.assertEqual(set(re.findall(r"\w+", values)),
                             {word for line in listed for word in line.split(" , ")}, command)

    def test_message_ids_are_told_of(self):
        source = (ROOT / "daemon/events/event_log.cpp").read_text()
        ids = re.findall(r'case EventKind::(\w+):\n +return "([0-9a-f]{32})"', source)
        names = {re.sub(r"_(\w)", lambda each: each[1].upper(), kind): number for kind, number in ids}
        listed = re.findall(r"^\.It Sy (\w+)\n([0-9a-f]{32})$", section(page("ivshmemd.8"), "LOG"), re.M)
        self.assertGreater(len(names), 5)
        self.assertEqual(names, dict(listed))

    def test_errors_are_told_of_with_their_exit_status(self):
        rows = re.findall(r'Row\{ErrorKind::\w+, "(\w+)", (\d+)\}', (ROOT / "lib/error.cpp").read_text())
        statuses = {name: int(status) for name, status in rows}
        self.assertEqual(self.declared("error") | set(STANDARD_ERRORS), set(statuses))
        self.assertEqual(statuses | CLIENT_ERRORS, listed_errors(page("ivshmem.7")))

    def test_exit_statuses_are_told_of_by_the_client(self):
        body = section(page("ivshmemctl.1"), "EXIT STATUS")
        listed = {int(status) for status in re.findall(r"^\.It (\d+)$", body, re.MULTILINE)}
        self.assertEqual(listed, set(listed_errors(page("ivshmem.7")).values()) | {0})


class MigrationTable(unittest.TestCase):
    def test_has_a_test_for_each_row(self):
        self.assertGreater(len(table_rows(page("ivshmem.7"))), 20)
        self.assertEqual([], unproved_rows(page("ivshmem.7")))

    def test_without_one_or_with_one_that_is_gone_is_found(self):
        text = page("ivshmem.7")
        line = re.search(r'^\.\\" test: Migration\.DoesNotMindALeakedBackend\n', text, re.MULTILINE)[0]
        for planted in ("", line.replace("Leaked", "Forgotten")):
            self.assertEqual(["leaked backend|any|any|any|Does not matter."],
                             unproved_rows(text.replace(line, planted)))


class Recorded(unittest.TestCase):
    """What QEMUs say of a migration that somebody else starts, from the recorded exchanges."""

    OLD = ("3.1", "5.2")
    NEW = ("7.2", "10.0", "11.1")
    WORDS = "Migration is disabled when using feature 'peer mode' in device 'ivshmem'"

    @staticmethod
    def reply(version, machine, step):
        path = ROOT / f"tests/transcripts/{version}-{machine}.jsonl"
        for line in path.read_text().splitlines():
            exchange = json.loads(line)
            if exchange["step"] == step:
                return exchange["recv"][0]
        raise AssertionError(f"{path} has no {step}")

    def each(self, versions, step):
        return [self.reply(version, machine, step) for version in versions for machine in ("pc", "q35")]

    def test_a_peer_blocks_a_migration_of_whoever_starts_it(self):
        for reply in self.each(self.OLD + self.NEW, "migrate with peer"):
            self.assertEqual(reply["error"]["desc"], self.WORDS)
        legacy = self.reply("3.1", "pc", "migrate with legacy peer")
        self.assertEqual(legacy["error"]["desc"], self.WORDS)

    def test_old_qemu_does_not_say_what_blocks(self):
        for reply in self.each(self.OLD, "query-migrate with peer"):
            self.assertEqual(reply["return"], {})

    def test_new_qemu_says_what_blocks(self):
        for reply in self.each(self.NEW, "query-migrate with peer"):
            self.assertEqual(reply["return"]["blocked-reasons"], [self.WORDS])


class Pages(unittest.TestCase):
    def test_are_all_checked_here(self):
        # Those of the layers, and not of a build beside them.
        found = {str(path.relative_to(ROOT)) for layer in ("daemon", "systemd")
                 for path in (ROOT / layer).rglob("*.[1-8]")}
        self.assertEqual(found, set(PAGES.values()))

    def test_refer_to_each_other_and_themselves_by_right_names(self):
        for name in PAGES:
            title, number = re.search(r"^\.Dt (\S+) (\d)$", page(name), re.MULTILINE).groups()
            self.assertEqual(f"{title.lower()}.{number}", name)
            for referred in re.findall(r"^\.(?:Pq see )?Xr (ivshm\S+) (\d)", page(name), re.MULTILINE):
                self.assertIn(".".join(referred), PAGES, name)

    @unittest.skipUnless(shutil.which("mandoc"), "mandoc is not installed")
    def test_please_mandoc(self):
        for path in PAGES.values():
            result = subprocess.run(["mandoc", "-Tlint", ROOT / path],
                                    capture_output=True, text=True, timeout=60)
            # Whether others' manuals are installed is the host's affair.
            complaints = [line for line in (result.stdout + result.stderr).splitlines()
                          if "referenced manual not found" not in line and "mandoc.db" not in line]
            self.assertEqual([], complaints)

    def test_have_tables_that_ignore_the_ends_of_pages(self):
        # On a screen there are none, but groff keeps rows off them, and complains where it cannot.
        for name in PAGES:
            for options in re.findall(r"^\.TS\n(.*)$", page(name), re.MULTILINE):
                self.assertRegex(options, r"\bnokeep\b.*;$", name)


if __name__ == "__main__":
    ROOT = Path(sys.argv[1])
    # The last one needs libvirt, and may not have been built.
    names = ("ivshmemd", "ivshmemctl", "ivshmem-doorbell", "ivshmemd-libvirt")
    PROGRAMS = dict(zip(names, sys.argv[2:], strict=False))
    unittest.main(argv=sys.argv[:1])
