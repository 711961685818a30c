#!/usr/bin/env python3
"""Proves what keeps the house readable: no source file grows long, and nobody reaches into a Vm.

The checks first show that they find what they look for in texts of their own.
"""

import os
import re
import sys

LONGEST = 220  # lines of a source file
VM_HEADER = "daemon/vm/vm.h"
MOST_INCLUDERS = 15  # files outside of daemon/vm that include it

# What may be handed out to be changed: parts that keep their invariants themselves, and what a VM
# shares with all others.
PARTS = {"Signal", "Chores", "Turn", "Link", "MigrationState", "DeclaredState", "Host"}


def public_part(text, name):
    """The lines of a class that are public, without comments and the bodies of functions."""
    text = re.sub(r"//[^\n]*", "", text)
    start = re.search(r"^class " + name + r"\b[^;{]*\{", text, re.MULTILINE).end()
    end = text.index("\n};", start)
    body = re.sub(r"\{[^{}]*\}", ";", re.sub(r"\{[^{}]*\}", ";", text[start:end]))
    public = ""
    for part in re.split(r"^\s*(public|private|protected):", "private:" + body, flags=re.MULTILINE):
        if part in ("public", "private", "protected"):
            mode = part
        elif part.strip() and "mode" in locals() and mode == "public":
            public += part
    return public


def complaints_about_vm(text):
    found = []
    for statement in public_part(text, "Vm").split(";"):
        words = " ".join(statement.split())
        if not words:
            continue
        if "(" not in words:
            found.append(f"public data member: {words}")
        reference = re.match(r"(?:const )?([\w:<>, ]+?)& \w+\(", words)
        if reference and not words.startswith("const ") and reference.group(1) not in PARTS:
            found.append(f"hands out what others could change: {words}")
    return found


def sources(root, *layers):
    for layer in layers:
        for directory, _, names in sorted(os.walk(os.path.join(root, layer))):
            for name in sorted(names):
                if name.endswith((".h", ".cpp")):
                    yield os.path.relpath(os.path.join(directory, name), root)


def read(root, path):
    with open(os.path.join(root, path), encoding="utf-8") as file:
        return file.read()


def check(root):
    found = []
    includers = []
    for path in sources(root, "lib", "proto", "daemon"):
        text = read(root, path)
        lines = text.count("\n")
        if lines > LONGEST:
            found.append(f"{path}: {lines} lines, more than {LONGEST}")
        outside = not path.startswith("daemon/vm/")
        if outside and f'#include "{VM_HEADER}"' in text:
            includers.append(path)
    if len(includers) > MOST_INCLUDERS:
        found.append(f"{VM_HEADER} is included by {len(includers)} files: " + " ".join(includers))
    found += [f"{VM_HEADER}: {each}" for each in complaints_about_vm(read(root, VM_HEADER))]
    return found


GOOD = """
class Vm : public Base {
  public:
    explicit Vm(Host& host) : host_(host) {}
    const std::string& name() const { return name_; }  // int& in a comment
    Turn& turn() { return turn_; }
    void stop(const std::string& why);

  private:
    std::string name_;
    std::set<int>& hidden();
};
"""
BAD = {
    "public data member": "    bool busy_ = false;\n",
    "hands out": "    std::map<std::string, Removal>& removals() { return removals_; }\n",
}


def self_check():
    problems = [f"wrongly found: {each}" for each in complaints_about_vm(GOOD)]
    for what, line in BAD.items():
        planted = GOOD.replace("    Turn& turn()", line + "    Turn& turn()")
        if not any(each.startswith(what) for each in complaints_about_vm(planted)):
            problems.append(f"not found: {line.strip()}")
    return problems


def main():
    root = sys.argv[1]
    found = self_check() + check(root)
    for line in found:
        print(line)
    print(f"{len(found)} problem(s)")
    return 1 if found else 0


sys.exit(main())
