"""What the tests of the wire leave to other tests."""

# Errors of situations that another test makes: why, and which test.
ELSEWHERE = {
    "Internal": ("needs a defect of the daemon or its host",
                 "tests/proto/api/errors_test.cpp", "AreWhatTheInterfaceDeclares"),
    "TimedOut": ("needs a QEMU that is silent for up to a minute",
                 "tests/daemon/attach/silence_test.cpp",
                 "ReportsAnUnknownOutcomeOfASilentQemuAndShowsALateDevice"),
    "DetachRefused": ("needs a guest that refuses",
                      "tests/daemon/detach/wait_test.cpp",
                      "EndsWithTheGuestsRefusalAndStartsAnewNextTime"),
}


# Fields of situations that another test makes.
FIELDS_ELSEWHERE = {
    # A plan names only a backend that has not the usual id: tests/daemon/migration/replug_test.cpp.
    "DeviceSpec.backend",
    # A VM that has left, or takes nothing back: tests/daemon/api/hold_test.cpp and
    # tests/daemon/hold/hold_test.cpp.
    "HeldVm.mend", "Release out.message",
    # What a migration with masters is warned of: tests/daemon/api/hold_test.cpp.
    "Hold out.warnings",
    # A QEMU without free descriptors: tests/e2e/doorbell_room_test.cpp.
    "Device.peersWaiting",
    # A master with a doorbell server: tests/e2e/migration_doorbell_test.cpp.
    "QemuArguments out.leftOut",
    # A VM that cannot be asked: tests/daemon/transaction/unreachable_test.cpp.
    "error TransactionFailed.leaving",
}


def excused(interface):
    """What may stay unseen."""
    result = set(FIELDS_ELSEWHERE)
    for name in ELSEWHERE:
        result |= {f"error {name}"}
        result |= interface.fields_of(f"error {name}", interface.errors[name])
    return result
