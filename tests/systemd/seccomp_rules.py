"""A filter of system calls, made by the library that systemd makes its own with."""

import ctypes


class Comparison(ctypes.Structure):
    _fields_ = [("argument", ctypes.c_uint), ("operation", ctypes.c_int),
                ("first", ctypes.c_uint64), ("second", ctypes.c_uint64)]


class Rules:
    ALLOW, KILL = 0x7FFF0000, 0x80000000
    NOT_EQUAL, EQUAL, MASKED_EQUAL = 1, 4, 7

    @staticmethod
    def errno(number):
        return 0x00050000 | number

    def __init__(self, otherwise):
        """`otherwise` is what happens to a call that no rule is about."""
        self.library = ctypes.CDLL("libseccomp.so.2")
        self.library.seccomp_init.restype = ctypes.c_void_p
        self.library.seccomp_init.argtypes = [ctypes.c_uint32]
        self.library.seccomp_load.argtypes = [ctypes.c_void_p]
        self.library.seccomp_rule_add_array.argtypes = [
            ctypes.c_void_p, ctypes.c_uint32, ctypes.c_int, ctypes.c_uint,
            ctypes.POINTER(Comparison)]
        self.context = self.library.seccomp_init(otherwise)
        self.otherwise = otherwise

    def add(self, action, call, *comparisons):
        """Calls that this architecture does not have are left out."""
        number = self.library.seccomp_syscall_resolve_name(call.encode())
        if number < 0 or action == self.otherwise:
            return
        array = (Comparison * len(comparisons))(*comparisons)
        result = self.library.seccomp_rule_add_array(self.context, action, number,
                                                     len(comparisons), array)
        if result != 0:
            raise OSError(-result, f"no rule for {call}")

    def load(self):
        result = self.library.seccomp_load(self.context)
        if result != 0:
            raise OSError(-result, "the filter is not taken")
