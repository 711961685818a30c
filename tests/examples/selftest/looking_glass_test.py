#!/usr/bin/env python3
"""Runs the recipe for Looking Glass, with a stand-in for its client.

usage: looking_glass_test.py DAEMON IVSHMEMCTL [unittest arguments]
"""

import grp
import mmap
import multiprocessing
import os
import pwd
import sys
import unittest

from stage import ExampleTest, run_tests, wait_until

MIB = 1 << 20
SIZES = {"1920x1080": 32, "2560x1440": 64, "3840x2160": 128,
         "1024x768": 16, "1024x769": 32}  # 6 MiB and 10 are 16 exactly
HDR_SIZES = {"1920x1080": 64, "2560x1440": 128, "3840x2160": 256}
IS_ROOT = os.geteuid() == 0
# Who runs the client: somebody in the regions' group, as which only root can let a test run.
USER = pwd.getpwnam("nobody") if IS_ROOT else pwd.getpwuid(os.geteuid())
GROUP = grp.getgrgid(USER.pw_gid).gr_name
STRANGER = "daemon"
FRAME, CLICK = b"a frame", b"a click"
CLICK_AT = 4096


def stand_in(pipe, path):
    """Does what looking-glass-client does with the memory, as its user; tells how it goes."""
    if IS_ROOT:
        os.setgroups([USER.pw_gid])
        os.setgid(USER.pw_gid)
        os.setuid(USER.pw_uid)
    file = os.open(path, os.O_RDWR)
    memory = mmap.mmap(file, os.fstat(file).st_size)  # shared, to read and write
    pipe.send((len(memory), memory[: len(FRAME)]))
    wait_until(lambda: memory[: len(FRAME)] == FRAME, "the guest's frame")
    memory[CLICK_AT : CLICK_AT + len(CLICK)] = CLICK
    pipe.send("clicked")


class LookingGlass(ExampleTest):
    @classmethod
    def daemon_options(cls):
        config = f"{cls.directory}/ivshmemd.toml"
        with open(config, "w", encoding="utf-8") as file:
            file.write(f'[region]\ngroup = "{GROUP}"\n')
        os.chmod(cls.regions, 0o711)  # as /dev/shm lets everybody in
        return ("--config", config)

    def test_the_size_has_room_for_two_frames(self):
        for options, sizes in (((), SIZES), (("--hdr",), HDR_SIZES)):
            for resolution, mebibytes in sizes.items():
                done = self.example("looking-glass.sh", *options, resolution)
                self.assertEqual((done.returncode, done.stdout),
                                 (0, f"{mebibytes * MIB}\n"), resolution)

    def test_the_size_is_of_a_resolution(self):
        for word in ("", "1920", "1920x", "0x1080", "1920x1080x2", "-1x5", "1e3x1000"):
            self.assertEqual(self.example("looking-glass.sh", word).returncode, 2, word)

    def client(self, path):
        """Starts the stand-in; our end of its pipe."""
        ours, theirs = multiprocessing.Pipe()
        process = multiprocessing.get_context("fork").Process(target=stand_in, args=(theirs, path))
        process.start()
        self.addCleanup(process.join)
        self.addCleanup(process.terminate)
        theirs.close()
        return ours

    def unplug(self):
        done = self.example("client.sh", "detach", "web", "looking-glass")
        self.assertEqual(done.stdout, "removed\n")

    def test_the_client_sees_what_the_guest_writes(self):
        path = self.region("looking-glass")
        done = self.example("looking-glass.sh", "1024x768", "web", USER.pw_name)
        self.addCleanup(self.unplug)
        self.assertEqual(done.returncode, 0)
        self.assertIn(f"looking-glass-client -f {path}\n", done.stdout)
        self.assertIn("ivshmem-plain", done.stdout)

        client = self.client(path)
        self.assertEqual(client.recv(), (16 * MIB, bytes(len(FRAME))))
        guest = self.guests["web"]
        wait_until(lambda: guest.run("shm list").endswith(f" {16 * MIB}\n"), "the guest's device")
        guest.run(f"shm write 0 '{FRAME.decode()}'")
        self.assertEqual(client.recv(), "clicked")
        self.assertEqual(guest.run(f"shm read {CLICK_AT} {len(CLICK)}"), CLICK.decode())

        again = self.example("looking-glass.sh", "800x600", "web", USER.pw_name)
        self.assertEqual(again.returncode, 0, "the same size")
        larger = self.example("looking-glass.sh", "1920x1080", "web", USER.pw_name)
        self.assertEqual(larger.returncode, 6)
        self.assertIn("ivshmemctl detach web looking-glass --remove-region", larger.stderr)

    @unittest.skipUnless(IS_ROOT, "only root asks for others")
    def test_tells_who_is_kept_out(self):
        done = self.example("looking-glass.sh", "1024x768", "web", STRANGER)
        self.addCleanup(self.unplug)
        self.assertEqual(done.returncode, 4)
        self.assertIn(f"{STRANGER} may not open {self.region('looking-glass')}", done.stderr)


if __name__ == "__main__":
    sys.exit(run_tests("socat", "jq"))
