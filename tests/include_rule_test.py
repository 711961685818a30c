#!/usr/bin/env python3
"""Proves that no layer includes upwards: lib <- proto <- daemon, and nothing includes the tests; that
inside daemon no folder includes one that stands above it; and that the programs beside ivshmemd share
no more with it than they may.

Every #include line of the three layers is resolved to a file of the tree, or to a library. The check
first shows that it finds violations planted in a small tree of its own.
"""

import os
import re
import sys
import tempfile

INCLUDE = re.compile(r"^[ \t]*#[ \t]*(?:include|include_next|import)\b[ \t]*(.*)$", re.MULTILINE)
COMMENT = re.compile(r"/\*.*?\*/|//[^\n]*", re.DOTALL)
STANDARD = re.compile(r"^[a-z_0-9]+$")  # <vector>: the C++ standard library has no other shape

# What each layer may include: directories of the tree, and libraries by the start of their path.
LAYERS = {
    "lib": (("lib",), ("boost/system/", "boost/version.hpp", "sys/stat.h", "sys/types.h")),  # modes, uids
    "proto": (("lib", "proto"), ("boost/system/", "nlohmann/")),
    "daemon": (("lib", "proto", "daemon"), None),  # None: any library
}
# The folders of daemon, and single files at its top, from the ground up. Each may include itself and
# what stands below it; those of one line do not know each other.
STOREYS = (
    ("base", "deadlines.h"),
    ("config", "events", "region", "qmp"),
    ("state", "relay"),
    ("host.h", "host.cpp"),
    ("vm",),
    ("attach", "detach"),
    ("migration",),
    ("declared", "hold"),
    ("declared", "transaction"),
    ("supervise",),
    ("fleet",),
    ("api",),
    ("reload.h", "reload.cpp"),
    ("run.h", "run.cpp"),
    ("main.cpp",),
)
HEIGHTS = {room: height for height, rooms in enumerate(STOREYS) for room in rooms}

# Programs of their own: nothing includes them, and they include themselves and this of daemon.
PROGRAMS = ("ctl", "doorbell", "libvirt")
SHARED = ("daemon/base/", "daemon/region/files.h", "daemon/region/lease.h",
          "daemon/relay/peer_table.h")
SOURCES = (".h", ".cpp", ".cpp.in", ".h.in")


def resolve(root, includer, name):
    """The path of an included file from the root of the tree, or None for a library's."""
    for base in (os.path.dirname(includer), ""):
        path = os.path.normpath(os.path.join(base, name))
        if os.path.isfile(os.path.join(root, path)):
            return path
    return None


def complaint_inside(path, inside):
    """What is wrong with one file of daemon that includes another, or None."""
    room, other = path.split(os.sep)[1], inside.split(os.sep)[1]
    if room == other or path.rsplit(".", 1)[0] == inside.rsplit(".", 1)[0]:
        return None
    if other in PROGRAMS:
        return "another program"
    if room in PROGRAMS:
        return None if inside.startswith(SHARED) else "belongs to ivshmemd alone"
    if room not in HEIGHTS or other not in HEIGHTS:
        return "a folder that this test does not know"
    return None if HEIGHTS[other] < HEIGHTS[room] else "includes a folder that stands above it"


def complaint(root, path, operand):
    """What is wrong with one include, or None."""
    match = re.match(r'<([^>]+)>|"([^"]+)"', operand)
    if not match:
        return "not a plain file name"
    name = match.group(1) or match.group(2)
    directories, libraries = LAYERS[path.split(os.sep)[0]]
    inside = resolve(root, path, name)
    if inside is not None:
        allowed = inside.split(os.sep)[0] in directories
        if not allowed:
            return "includes upwards"
        both_daemon = path.startswith("daemon") and inside.startswith("daemon")
        return complaint_inside(path, inside) if both_daemon else None
    if match.group(2):
        return "no such file in the tree"
    is_header = path.endswith(".h") and os.path.basename(path) != "precompiled.h"
    if is_header and name == "nlohmann/json.hpp":
        return "slow to compile; headers take nlohmann/json_fwd.hpp"
    if libraries is None or STANDARD.match(name) or name.startswith(libraries):
        return None
    return "a library that this layer does without"


def check(root):
    """All violations in a tree, as lines for people, and the number of includes seen."""
    found, seen = [], 0
    for layer in LAYERS:
        for directory, _, names in sorted(os.walk(os.path.join(root, layer))):
            for name in sorted(n for n in names if n.endswith(SOURCES)):
                path = os.path.relpath(os.path.join(directory, name), root)
                with open(os.path.join(root, path), encoding="utf-8") as file:
                    text = COMMENT.sub("", file.read())
                for operand in INCLUDE.findall(text):
                    seen += 1
                    wrong = complaint(root, path, operand.strip())
                    if wrong:
                        found.append(f"{path}: #include {operand.strip()}: {wrong}")
    return found, seen


RIGHT = {
    "lib/size.h": "#pragma once\n#include <cstdint>\n#include <boost/system/result.hpp>\n",
    "lib/size.cpp": '#include "lib/size.h"\n// #include <boost/asio.hpp>\n',
    "proto/wire.cpp": '#include "lib/size.h"\n#include <nlohmann/json.hpp>\n',
    "proto/wire.h": "#include <nlohmann/json_fwd.hpp>\n",
    "daemon/main.cpp": '#include "proto/wire.h"\n#include <boost/asio/io_context.hpp>\n',
    "daemon/vm/vm.h": '#include "daemon/base/async.h"\n#include "daemon/host.h"\n',
    "daemon/vm/vm.cpp": '#include "daemon/vm/vm.h"\n',
    "daemon/base/async.h": "",
    "daemon/host.h": '#include "daemon/base/async.h"\n',
    "daemon/doorbell/peer.cpp": '#include "daemon/relay/peer_table.h"\n',
    "daemon/relay/peer_table.h": "",
    "daemon/relay/relay.h": "",
    "tests/help.h": "",
}
WRONG = {
    "lib/a.cpp": '#include "proto/wire.h"\n',
    "lib/b.cpp": '#include "../proto/wire.h"\n',
    "lib/c.cpp": "#include <proto/wire.h>\n",
    "lib/d.cpp": "  #  include <boost/asio.hpp>\n",
    "lib/e.h": "#include <nlohmann/json_fwd.hpp>\n",
    "lib/f.cpp": "#include <spdlog/spdlog.h>\n",
    "proto/g.cpp": '#include "daemon/main.cpp"\n',
    "proto/h.cpp": "#include <boost/asio/ip/tcp.hpp>\n",
    "proto/i.h": "#include <nlohmann/json.hpp>\n",
    "daemon/j.cpp": '#include "tests/help.h"\n',
    "daemon/k.cpp": '#include "daemon/missing.h"\n',
    "daemon/base/m.cpp": '#include "daemon/vm/vm.h"\n',
    "daemon/state/n.cpp": '#include "daemon/vm/vm.h"\n',
    "daemon/attach/o.cpp": '#include "daemon/detach/p.h"\n',
    "daemon/doorbell/q.cpp": '#include "daemon/relay/relay.h"\n',
    "daemon/vm/r.cpp": '#include "daemon/ctl/s.h"\n',
    "daemon/attic/t.cpp": '#include "daemon/vm/vm.h"\n',
    "lib/l.cpp": "/* why */ #include SOME_MACRO\n",
}


def check_planted(files):
    with tempfile.TemporaryDirectory() as root:
        for path, text in files.items():
            os.makedirs(os.path.join(root, os.path.dirname(path)), exist_ok=True)
            with open(os.path.join(root, path), "w", encoding="utf-8") as file:
                file.write(text)
        return check(root)[0]


def self_check():
    """The planted violations that were not found, and what was found in a clean tree."""
    problems = ["wrongly refused: " + line for line in check_planted(RIGHT)]
    for path, text in WRONG.items():
        planted = {**RIGHT, "daemon/detach/p.h": "", "daemon/ctl/s.h": "", path: text}
        if len(check_planted(planted)) != 1:
            problems.append(f"not found: {path}: {text.strip()}")
    return problems


def main():
    root = sys.argv[1] if len(sys.argv) > 1 else os.path.dirname(os.path.dirname(__file__)) or "."
    problems = self_check()
    found, seen = check(root)
    if not seen:
        problems.append(f"no sources below {root}")
    for line in problems + found:
        print(line)
    print(f"{seen} includes, {len(WRONG)} planted violations: {len(problems + found)} problem(s)")
    return 1 if problems or found else 0


sys.exit(main())
