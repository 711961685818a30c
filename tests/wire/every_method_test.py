#!/usr/bin/env python3
"""Calls every method of the published interface on the real daemon, with real QEMUs.

Every reply is compared with the interface's text as the daemon hands it out, and counted: a method,
field or error that is never seen fails the test, but for what expectations.py lists.
usage: every_method_test.py DAEMON SOURCE_DIR [unittest arguments]
"""

import contextlib
import os
import shutil
import sys
import unittest

from changing_methods import *  # noqa: F403: the tests
from expectations import excused
from machines import QEMU
from reading_methods import *  # noqa: F403: the tests
from root import lacks_root
from together_methods import *  # noqa: F403: the tests
from varlink_client import SERVICE
from world import HOTPLUG, World

SKIPPED = 77  # to ctest


def complaints():
    account = World.account
    unseen = account.unseen(HOTPLUG) - excused(account.interfaces[HOTPLUG])
    standard = account.interfaces[SERVICE]
    excuses = {"PermissionDenied"} if lacks_root() else set()
    excuses |= {"MethodNotImplemented"}  # every method is
    for name in excuses:
        excuses = excuses | {f"error {name}"} | standard.fields_of(f"error {name}",
                                                                   standard.errors[name])
    if World.machines["other"].version < (6, 0):  # which has no such memory
        excuses |= {"Attach in.readonly", "AttachMany in.readonly", "DeviceSpec.readonly",
                    "RegionUser.readonly"}
    return sorted((unseen | account.unseen(SERVICE)) - excuses)


def main():
    if not shutil.which(QEMU) and "IVSHMEMD_REQUIRE_QEMU" not in os.environ:
        print("no QEMU: ./dev setup")
        return SKIPPED
    program, World.source, *selected = sys.argv[1:]
    with contextlib.ExitStack() as stack:
        World.build(program, stack)
        outcome = unittest.main(argv=[sys.argv[0], *selected], exit=False, verbosity=2).result
    never = complaints() if outcome.wasSuccessful() and not selected else []
    for each in never:
        print(f"never seen: {each}", file=sys.stderr)
    return 1 if never or not outcome.wasSuccessful() else 0


if __name__ == "__main__":
    sys.exit(main())
