#!/usr/bin/env python3
"""What a machine gets of the arguments that libvirt gave another."""

import os
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, "wire"))

from equal_machine import equal_arguments  # noqa: E402

SECRET = '{"qom-type":"secret","id":"masterKey0","format":"raw","file":"/var/lib/key"}'
MEMORY = '{"qom-type":"memory-backend-ram","id":"pc.ram","size":201326592}'


class EqualArguments(unittest.TestCase):
    def test_are_the_same_but_for_the_secret_and_passed_sockets(self):
        theirs = ["qemu", "-S", "-object", SECRET, "-object", MEMORY, "-chardev",
                  "socket,id=charmonitor,fd=27,server=on,wait=off", "-mon",
                  "chardev=charmonitor,id=monitor,mode=control"]
        self.assertEqual(equal_arguments(theirs, {"charmonitor": "/tmp/m"}),
                         ["qemu", "-S", "-object", MEMORY, "-chardev",
                          "socket,id=charmonitor,path=/tmp/m,server=on,wait=off", "-mon",
                          "chardev=charmonitor,id=monitor,mode=control"])

    def test_a_passed_socket_that_nobody_expects_is_an_error(self):
        with self.assertRaises(KeyError):
            equal_arguments(["qemu", "-chardev", "socket,id=other,fd=3,server=on"], {})


if __name__ == "__main__":
    unittest.main(verbosity=2)
