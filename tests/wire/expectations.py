"""What the tests of the wire expect to be missing, and what they leave to other tests."""

# Not served yet. Delete a line once the daemon does it: that switches its tests on, and its fields
# and errors have to be seen from then on. A line that is wrong fails a test.
NOT_YET = {
    "CheckMigration": (),
    "Migrate": ("Progress.done", "Progress.total", "error MigrationBlocked",
                "error MigrationBlocked.message", "error MigrationBlocked.vm",
                "error MigrationBlocked.reasons"),
    "Replug": (),
    "MigrationActive": ("error MigrationActive", "error MigrationActive.message",
                        "error MigrationActive.vm"),
}

# Errors of situations that another test makes: why, and which test.
ELSEWHERE = {
    "Internal": ("needs a defect of the daemon or its host",
                 "tests/proto/api/errors_test.cpp", "AreWhatTheInterfaceDeclares"),
    "TimedOut": ("needs a QEMU that is silent for up to a minute",
                 "tests/daemon/vm/attach_silence_test.cpp",
                 "ReportsAnUnknownOutcomeOfASilentQemuAndShowsALateDevice"),
    "DetachRefused": ("needs a guest that refuses",
                      "tests/daemon/vm/detach_wait_test.cpp",
                      "EndsWithTheGuestsRefusalAndStartsAnewNextTime"),
}


def missing(name):
    """Whether a method or error is left out, here or for now."""
    later = set().union(*NOT_YET.values())
    return name in NOT_YET or name in ELSEWHERE or f"error {name}" in later


def reachable(interface):
    """The fields of what is there, and of every type that is made of."""
    kinds = [(f"{name} {way}", kind) for name, both in interface.methods.items()
             if not missing(name) for way, kind in zip(("in", "out"), both)]
    kinds += [(f"error {name}", kind) for name, kind in interface.errors.items()
              if not missing(name)]
    found, seen = set(), set()
    while kinds:
        owner, kind = kinds.pop()
        found |= interface.fields_of(owner, kind)
        for name in named_types(kind) - seen:
            seen.add(name)
            kinds.append((name, interface.types[name]))
    return found


def named_types(kind):
    if kind[0] == "named":
        return {kind[1]}
    if kind[0] in ("maybe", "array", "map"):
        return named_types(kind[1])
    if kind[0] == "struct":
        return set().union(*map(named_types, kind[1].values()))
    return set()


def excused(interface):
    """What may stay unseen."""
    result = interface.fields() - reachable(interface)
    for name, fields in NOT_YET.items():
        result |= set(fields)
        if name in interface.methods:
            result.add(f"method {name}")
    for name in ELSEWHERE:
        result |= {f"error {name}"}
        result |= interface.fields_of(f"error {name}", interface.errors[name])
    return result
