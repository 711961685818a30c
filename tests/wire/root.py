"""Whether a test is to do without root."""

import os


def lacks_root():
    """False too where all tests are to run, as in the CI: what needs root fails there."""
    return os.geteuid() != 0 and "IVSHMEMD_REQUIRE_ROOT" not in os.environ
