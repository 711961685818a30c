#!/usr/bin/env python3
"""The published interface has nothing that one of the clients people have cannot read.

Each rule says which that is, and is shown to find what it is about. Seen with Python's varlink 31.0
and 32.1, varlink-go 0.4.0 and the varlinkctl of systemd 257 and 262. Another rule, that no
enumeration has a single value, is in tests/proto/varlink/published_interface_test.cpp.
usage: readable_interface_test.py SOURCE_DIRECTORY [unittest arguments]
"""

import re
import sys
import unittest

from varlink_idl import Interface

HOTPLUG = "io.ivshmemd.Hotplug"
VALID = """# An interface.
interface org.example.test

# A type.
type Part (
  # A field.
  size: ?int
)
method Do(part: Part) -> (parts: ?[]Part)
error Bad (part: Part)
"""


def types(interface):
    """Every type that is in the interface, also inside others, with where it is."""
    for owner, kind in interface.owners():
        yield from types_in(owner, kind)


def types_in(owner, kind):
    yield owner, kind
    if kind[0] in ("maybe", "array", "map"):
        yield from types_in(owner, kind[1])
    if kind[0] == "struct":
        for name, inner in kind[1].items():
            yield from types_in(f"{owner}.{name}", inner)


def carriage_returns(text, _):
    """Python's module takes one for no space."""
    return re.findall("\r", text)


def commas_before_a_bracket(text, _):
    """None takes one."""
    return re.findall(r",\s*\)", re.sub(r"#.*", "", text))


def comments_before_a_bracket(text, _):
    """varlinkctl takes none between the last field and the bracket."""
    return re.findall(r"\n\s*#[^\n]*\n\s*\)", text)


def names_given_twice(text, _):
    """varlinkctl and varlink-go have one scope for all kinds of members."""
    names = re.findall(r"^(?:type|method|error) (\w+)", text, re.MULTILINE)
    return [name for name in set(names) if names.count(name) > 1]


def names_with_a_capital_first(_, interface):
    """varlink-go reads neither such a field nor such a value."""
    return [f"{where}.{name}" for where, kind in types(interface) if kind[0] in ("struct", "enum")
            for name in kind[1] if not name[0].islower()]


def interface_names_with_other_letters(_, interface):
    """Python's module has none but letters before the first dot, varlink-go no dash anywhere."""
    return [] if re.fullmatch(r"[a-z]+(\.[A-Za-z0-9]+)+", interface.name) else [interface.name]


def types_that_are_not_declared(_, interface):
    """Of the type any, which is new, only the varlinkctl of systemd 262 knows."""
    return [where for where, kind in types(interface)
            if kind[0] == "named" and kind[1] not in interface.types]


def names_for_other_types(_, interface):
    """varlinkctl has names for structures and enumerations alone."""
    return [name for name, kind in interface.types.items() if kind[0] not in ("struct", "enum")]


def empty_structures(_, interface):
    """varlinkctl takes one for the parameters of a method or an error, and nowhere else."""
    whole = {f"{name} {way}" for name in interface.methods for way in ("in", "out")}
    whole |= {f"error {name}" for name in interface.errors}
    return [where for where, kind in types(interface)
            if kind == ("struct", {}) and where not in whole]


def odd_elements(_, interface):
    """varlinkctl takes no array or map of arrays, of maps, or of what may be null."""
    return [where for where, kind in types(interface)
            if kind[0] in ("array", "map") and kind[1][0] in ("maybe", "array", "map")]


# Each rule, and what to put for what in VALID to break it.
RULES = {
    carriage_returns: ("size: ?int\n", "size: ?int\r\n"),
    commas_before_a_bracket: ("size: ?int\n", "size: ?int, # the last\n"),
    comments_before_a_bracket: ("size: ?int\n", "size: ?int\n  # No more.\n"),
    names_given_twice: ("error Bad ", "error Part "),
    names_with_a_capital_first: ("size:", "Size:"),
    interface_names_with_other_letters: ("org.example.test", "org.example-1.test"),
    types_that_are_not_declared: ("?int", "?any"),
    names_for_other_types: ("error", "type Parts []Part\nerror"),
    empty_structures: ("?int", "[string]()"),
    odd_elements: ("?int", "[]?int"),
}


def breaches(rule, text):
    return rule(text, Interface(text.replace("\r", "")))


class Readable(unittest.TestCase):
    text = ""

    def test_interface_keeps_the_rules(self):
        for rule in RULES:
            with self.subTest(rule=rule.__name__):
                self.assertEqual(breaches(rule, self.text), [], rule.__doc__)

    def test_rules_find_what_they_are_about(self):
        for rule, (old, new) in RULES.items():
            with self.subTest(rule=rule.__name__):
                self.assertEqual(breaches(rule, VALID), [])
                self.assertIn(old, VALID)
                self.assertNotEqual(breaches(rule, VALID.replace(old, new)), [])


if __name__ == "__main__":
    with open(f"{sys.argv[1]}/proto/{HOTPLUG}.varlink", encoding="utf-8", newline="") as published:
        Readable.text = published.read()
    unittest.main(argv=sys.argv[:1] + sys.argv[2:], verbosity=2)
