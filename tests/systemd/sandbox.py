#!/usr/bin/env python3
"""Runs a program as a unit file says, as far as that goes without systemd; only root can.

Imitated are User=, Group=, UMask=, LimitNOFILE=, the capabilities, NoNewPrivileges=,
ProtectSystem=strict with ReadWritePaths= and BindPaths=, PrivateDevices= but for the policy of
devices, ProtectProc=, ProcSubset=, PrivateNetwork=, SystemCallFilter=, SystemCallErrorNumber=, RestrictAddressFamilies=, MemoryDenyWriteExecute= and
RestrictSUIDSGID=. The sets of system calls are systemd's own.

usage: sandbox.py UNIT UID GID [--drop-in FILE]... [--write DIRECTORY]... [--kill]
                  [--allow CALL]... -- PROGRAM...
  --drop-in  what the administrator adds to the unit
  --write  a directory that systemd would make: StateDirectory= and the like
  --kill   a system call that the filter refuses kills the program
  --allow  except this one, which is refused as the unit says
"""

import argparse
import ctypes
import errno
import os
import resource
import socket
import stat
import struct
import subprocess
import tempfile

from seccomp_rules import Rules
from unit_file import UnitFile

CLONE_NEWNS, CLONE_NEWNET = 0x00020000, 0x40000000
MS_BIND, MS_MOVE, MS_REC, MS_SLAVE = 4096, 8192, 16384, 1 << 19
AT_FDCWD, AT_RECURSIVE, MOUNT_ATTR_RDONLY = -100, 0x8000, 1
SYS_MOUNT_SETATTR = 442
PR_CAPBSET_DROP, PR_SET_NO_NEW_PRIVS = 24, 38
PROT_WRITE, PROT_EXEC = 2, 4

libc = ctypes.CDLL(None, use_errno=True)


def checked(result, what):
    if result != 0:
        raise OSError(ctypes.get_errno(), what)


def mount(source, target, kind, flags, options=""):
    checked(libc.mount(source.encode(), target.encode(), kind.encode(), flags, options.encode()),
            f"mount {target}")


def set_read_only(path, on):
    change = struct.pack("QQQQ", *((MOUNT_ATTR_RDONLY, 0) if on else (0, MOUNT_ATTR_RDONLY)), 0, 0)
    checked(libc.syscall(SYS_MOUNT_SETATTR, AT_FDCWD, path.encode(), AT_RECURSIVE, change,
                         len(change)), f"mount_setattr {path}")


def private_devices():
    """A /dev of its own, as PrivateDevices= makes it."""
    place = tempfile.mkdtemp(prefix="ivshmemd-dev-")
    mount("tmpfs", place, "tmpfs", 0, "mode=755")
    for name in ("null", "zero", "full", "random", "urandom", "tty", "shm", "hugepages", "mqueue",
                 "pts"):
        source, target = f"/dev/{name}", f"{place}/{name}"
        if os.path.isdir(source):
            os.mkdir(target)
        elif os.path.exists(source):
            os.close(os.open(target, os.O_CREAT | os.O_WRONLY))
        else:
            continue
        mount(source, target, "", MS_BIND | MS_REC)
    mount(place, "/dev", "", MS_MOVE)
    os.rmdir(place)


def enter_namespaces(unit, writable):
    private_network = CLONE_NEWNET if unit.one("PrivateNetwork") == "yes" else 0
    checked(libc.unshare(CLONE_NEWNS | private_network), "unshare")
    mount("none", "/", "", MS_REC | MS_SLAVE)
    if unit.all("PrivateDevices")[-1] == "yes":
        private_devices()
    paths = [path for key in ("ReadWritePaths", "BindPaths") for line in unit.all(key)
             for path in line.split()]
    paths += [*writable, "/dev", "/sys"]
    for path in paths:
        mount(path, path, "", MS_BIND | MS_REC)
    set_read_only("/", True)
    for path in paths:
        set_read_only(path, False)
    hidden = {"default": "off"}.get(unit.all("ProtectProc")[-1], unit.all("ProtectProc")[-1])
    subset = ",subset=pid" if unit.one("ProcSubset") == "pid" else ""
    mount("proc", "/proc", "proc", 0, f"hidepid={hidden}{subset}")


def call_sets():
    """The names in each @set, as systemd knows them."""
    text = subprocess.run(["systemd-analyze", "syscall-filter"], capture_output=True, text=True,
                          check=True).stdout
    sets, current = {}, None
    for line in text.splitlines():
        word = line.strip()
        if line.startswith("@"):
            current = sets.setdefault(word, [])
        elif line.startswith("    ") and not word.startswith("#"):
            current.append(word)
    return sets


def expand(words, sets):
    for word in words:
        if word.startswith("@"):
            yield from expand(sets[word], sets)
        else:
            yield word


def allowed_calls(unit):
    sets = call_sets()
    allowed = set(expand(["@default"], sets))
    for line in unit.all("SystemCallFilter"):
        words = set(expand(line.lstrip("~").split(), sets))
        allowed = allowed - words if line.startswith("~") else allowed | words
    return allowed


def refuse_arguments(rules):
    """What is refused by its arguments, each as systemd refuses it."""
    rules.add(Rules.errno(errno.EAFNOSUPPORT), "socket", (0, Rules.NOT_EQUAL, socket.AF_UNIX, 0))
    rules.add(Rules.ALLOW, "socket", (0, Rules.EQUAL, socket.AF_UNIX, 0))
    both = PROT_WRITE | PROT_EXEC
    for part in (0, PROT_WRITE, PROT_EXEC):
        rules.add(Rules.ALLOW, "mmap", (2, Rules.MASKED_EQUAL, both, part))
    rules.add(Rules.ALLOW, "mprotect", (2, Rules.MASKED_EQUAL, PROT_EXEC, 0))
    bits = stat.S_ISUID | stat.S_ISGID
    for call, argument in (("chmod", 1), ("fchmod", 1), ("fchmodat", 2)):
        rules.add(Rules.ALLOW, call, (argument, Rules.MASKED_EQUAL, bits, 0))
    return {"socket", "mmap", "mprotect", "chmod", "fchmod", "fchmodat"}


def make_filter(unit, kill, excepted):
    refusal = Rules.errno(getattr(errno, unit.one("SystemCallErrorNumber")))
    rules = Rules(Rules.KILL if kill else refusal)
    for call in excepted:
        rules.add(refusal, call)
    for call in allowed_calls(unit) - refuse_arguments(rules) - set(excepted):
        rules.add(Rules.ALLOW, call)
    return rules


def drop_privileges(unit, user, group):
    limit = min(int(unit.one("LimitNOFILE")), resource.getrlimit(resource.RLIMIT_NOFILE)[1])
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
    os.umask(int(unit.one("UMask"), 8))
    assert unit.one("CapabilityBoundingSet") == "" and unit.one("NoNewPrivileges") == "yes"
    for capability in range(64):
        libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0)  # fails past the last
    os.setgroups([])
    os.setresgid(group, group, group)
    os.setresuid(user, user, user)
    checked(libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "no_new_privs")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("unit")
    parser.add_argument("user", type=int)
    parser.add_argument("group", type=int)
    parser.add_argument("--drop-in", action="append", default=[])
    parser.add_argument("--write", action="append", default=[])
    parser.add_argument("--kill", action="store_true")
    parser.add_argument("--allow", action="append", default=[])
    parser.add_argument("program", nargs="+")
    options = parser.parse_args()
    unit = UnitFile(options.unit)
    for path in options.drop_in:
        unit.entries += UnitFile(path).entries
    rules = make_filter(unit, options.kill, options.allow)
    enter_namespaces(unit, options.write)
    drop_privileges(unit, options.user, options.group)
    rules.load()
    os.execv(options.program[0], options.program)


if __name__ == "__main__":
    main()
