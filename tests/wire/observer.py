"""A well-behaved client in a process of its own, which measures how long its calls take."""

import json
import os
import statistics
import subprocess
import sys
import time

from varlink_client import Connection

QUIET = 1.5  # seconds
PAUSE = 0.002
BOUND = 0.050
HANG = 5.0


def percentile(values, part):
    return sorted(values)[min(len(values) - 1, int(len(values) * part))]


class Observer:
    """What is measured before watch_undisturbed() returns is what the rest is compared with: a busy
    host or a sanitizer delays both."""

    def __init__(self, path):
        self.process = subprocess.Popen([sys.executable, "-B", os.path.abspath(__file__), path],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.disturbed_at = None
        self.bound = BOUND
        self.quiet, self.disturbed = [], []

    def watch_undisturbed(self):
        time.sleep(QUIET)
        self.disturbed_at = time.monotonic()

    def allow(self, seconds):
        """What one call of somebody else's may cost here, if that is more than the bound."""
        self.bound = max(self.bound, seconds)

    def end(self):
        output, _ = self.process.communicate()
        for start, took in json.loads(output):
            (self.quiet if start < self.disturbed_at else self.disturbed).append(took)

    def complaint(self):
        """Empty when others were served as they should be."""
        if self.process.returncode != 0 or len(self.quiet) < 10 or len(self.disturbed) < 100:
            return "the observer was not served"
        usual = percentile(self.quiet, 0.99)
        if percentile(self.disturbed, 0.99) > max(self.bound, 10 * usual):
            return "others had to wait"
        return "others were held up" if max(self.disturbed) > HANG + 10 * max(self.quiet) else ""

    def figures(self):
        def row(name, values):
            if not values:
                return f"{name}: nothing"
            return (f"{name}: {len(values)} calls, "
                    f"median {statistics.median(values) * 1e3:.2f} ms, "
                    f"99 % within {percentile(values, 0.99) * 1e3:.2f} ms, "
                    f"longest {max(values) * 1e3:.2f} ms")

        return row("undisturbed", self.quiet) + "\n" + row("meanwhile", self.disturbed)


def observe(path):
    """Until standard input ends."""
    os.set_blocking(0, False)
    measured = []
    with Connection(path) as connection:
        while not input_ended():
            start = time.monotonic()
            connection.send_object({"method": "io.ivshmemd.Hotplug.ListVms"})
            if connection.receive().error:
                sys.exit(1)
            measured.append((start, time.monotonic() - start))
            time.sleep(PAUSE)
    print(json.dumps(measured))


def input_ended():
    try:
        return os.read(0, 1) == b""
    except BlockingIOError:
        return False


if __name__ == "__main__":
    observe(sys.argv[1])
