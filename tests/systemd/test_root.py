"""A root directory with our units installed in it, to which the tools of systemd are applied."""

import glob
import os
import shutil
import stat
import subprocess

PROGRAMS = ("usr/sbin/ivshmemd", "usr/sbin/ivshmem-doorbell", "usr/sbin/ivshmemd-libvirt",
            "usr/bin/qemu-system-x86_64", "bin/kill")
# What the installed units refer to.
SYSTEM_UNITS = "/usr/lib/systemd/system"


class TestRoot:
    __test__ = False

    def __init__(self, directory, source):
        self.path = directory
        self.units = f"{directory}/etc/systemd/system"
        systemd = f"{source}/systemd"
        shutil.copytree(SYSTEM_UNITS, f"{directory}{SYSTEM_UNITS}", symlinks=True)
        for program in PROGRAMS:
            self.add_program(program)
        os.makedirs(f"{self.units}/ivshmemd.service.d")
        for pattern in ("*.service", "*.socket", "examples/*.service", "examples/*.socket"):
            for unit in glob.glob(f"{systemd}/{pattern}"):
                shutil.copy(unit, self.units)
        for drop_in in glob.glob(f"{systemd}/examples/*.conf"):
            shutil.copy(drop_in, f"{self.units}/ivshmemd.service.d")
        for kind in ("sysusers.d", "tmpfiles.d"):
            shutil.copytree(f"{systemd}/{kind}", f"{directory}/usr/lib/{kind}")
        os.makedirs(f"{directory}/run")

    def add_program(self, path):
        path = f"{self.path}/{path}"
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="ascii") as file:
            file.write("#!/bin/sh\n")
        os.chmod(path, 0o755)

    def replace(self, path, old, new):
        path = f"{self.path}/{path}"
        with open(path, encoding="utf-8") as file:
            text = file.read()
        assert old in text, f"{path} does not hold {old}"
        with open(path, "w", encoding="utf-8") as file:
            file.write(text.replace(old, new))

    def verify(self, *units):
        """What systemd has against these units: nothing, as we want it."""
        done = run("systemd-analyze", "verify", f"--root={self.path}", "--man=no", *units)
        return done.stdout + done.stderr + ("" if done.returncode == 0 else "failed")

    def make_users(self):
        return run("systemd-sysusers", f"--root={self.path}")

    def make_directories(self):
        return run("systemd-tmpfiles", f"--root={self.path}", "--create", "ivshmemd.conf")

    def ids(self, file):
        """Numbers by name, from "passwd" or "group"."""
        with open(f"{self.path}/etc/{file}", encoding="utf-8") as lines:
            return {line.split(":")[0]: int(line.split(":")[2]) for line in lines}

    def mode(self, path):
        return stat.S_IMODE(os.stat(f"{self.path}/{path}").st_mode)

    def owner(self, path):
        status = os.stat(f"{self.path}/{path}")
        return status.st_uid, status.st_gid


def run(*command):
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
