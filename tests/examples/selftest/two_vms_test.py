#!/usr/bin/env python3
"""Runs the example of two VMs that exchange messages, in two real guests.

usage: two_vms_test.py DAEMON IVSHMEMCTL [unittest arguments]
"""

import os
import subprocess
import sys

from stage import EXAMPLES, GUEST_FILES, ExampleTest, run_tests

QUESTIONS = ("hello", "how are you", "bye")


class TwoVms(ExampleTest):
    vms = ("web", "db")

    @classmethod
    def initramfs(cls):
        """The guests' image with the program in it: the kernel unpacks archives in a row."""
        image, tree = f"{cls.directory}/initramfs.cpio", f"{cls.directory}/tree"
        if os.path.exists(image):
            return image
        os.makedirs(f"{tree}/bin")
        subprocess.run(["gcc", "-O2", "-static", "-s", "-Wall", "-Wextra", "-Werror", "-o",
                        f"{tree}/bin/mailbox", f"{EXAMPLES}/mailbox.c"], check=True)
        with open(image, "wb") as file, open(f"{GUEST_FILES}/initramfs.cpio", "rb") as first:
            file.write(first.read())
            file.flush()
            subprocess.run(["cpio", "--quiet", "-o", "-H", "newc", "-R", "0:0"], check=True,
                           input=b"bin/mailbox\n", cwd=tree, stdout=file)
        return image

    @classmethod
    def environment(cls):
        variables = super().environment()
        return {**variables, "PATH": f"{cls.directory}/tree/bin:{variables['PATH']}",
                "IN_GUEST": f"{EXAMPLES}/selftest/in_guest.py {cls.directory}"}

    def test_ask_and_answer(self):
        done = self.example("two-vms.sh", "web", "db")
        self.assertEqual(done.returncode, 0)
        for question in QUESTIONS:
            self.assertIn(f"asked: {question}\n", done.stdout)  # by db
            self.assertIn(f"{question} -> {question.upper()}\n", done.stdout)  # by web
        host = "".join(f"  {each}\n" for each in QUESTIONS)
        self.assertIn(f"questions: 3 written, 0 waiting\n{host}"
                      f"answers: 3 written, 0 waiting\n{host.upper()}", done.stdout)
        for vm in self.vms:
            self.assert_bare(vm, "mailbox")

    def test_a_strange_writer_is_noticed(self):
        path = f"{self.directory}/strange"
        with open(path, "wb") as file:
            file.write(bytes([9]) + bytes(8191))  # nine messages, one more than there is room for
        done = subprocess.run([f"{self.directory}/tree/bin/mailbox", path, "answer", "1"],
                              capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("something else than a mailbox", done.stderr)


if __name__ == "__main__":
    sys.exit(run_tests("gcc", "cpio", "jq"))
