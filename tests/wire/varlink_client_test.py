#!/usr/bin/env python3
"""The client of these tests finds what is wrong when something is."""

import unittest

from varlink_client import Reply, Violation
from varlink_idl import Interface

TEXT = """# An interface.
interface org.example.test

type Kind (one, two) # a comment
type Part (kind: Kind, size: ?int)
method Do(parts: []Part, names: [string]string, at: (x: float)) -> (done: bool, extra: ?object)
method Nothing() -> ()
error Bad (message: string)
"""


class InterfaceTest(unittest.TestCase):
    def setUp(self):
        self.interface = Interface(TEXT)

    def seen(self, value, way=0):
        found = set()
        self.interface.check("Do", self.interface.methods["Do"][way], value, found)
        return found

    def test_reads_every_declaration(self):
        self.assertEqual(self.interface.name, "org.example.test")
        self.assertEqual(self.interface.types["Kind"], ("enum", ["one", "two"]))
        self.assertEqual(self.interface.methods["Nothing"], (("struct", {}), ("struct", {})))
        self.assertEqual(self.interface.fields(), {
            "Part.kind", "Part.size", "Do in.parts", "Do in.names", "Do in.at", "Do in.at.x",
            "Do out.done", "Do out.extra", "error Bad.message"})

    def test_refuses_what_is_not_the_language(self):
        for text in ("", "interface a.b\nmethod do() -> ()",
                     "interface a.b\ntype A (x: int, x: int)",
                     "interface a.b\ntype A (x-y: int)", "interface a.b\ntype A (x: int, y)",
                     "interface a.b\nmethod A()", "interface a.b\ntype A (x; int)"):
            with self.subTest(text=text), self.assertRaises((ValueError, IndexError, KeyError)):
                Interface(text)

    def test_counts_the_fields_that_have_a_value(self):
        value = {"parts": [{"kind": "one"}, {"kind": "two", "size": None}], "names": {"a": "b"},
                 "at": {"x": 1}}
        self.assertEqual(self.seen(value),
                         {"Part.kind", "Do.parts", "Do.names", "Do.at", "Do.at.x"})
        self.assertEqual(self.seen({"done": False}, 1), {"Do.done"})

    def test_refuses_values_of_another_type(self):
        good = {"parts": [], "names": {}, "at": {"x": 1.5}}
        for wrong in ({"parts": None}, {"parts": {}}, {"parts": [{}]},
                      {"parts": [{"kind": "three"}]},
                      {"parts": [{"kind": "one", "size": 1.0}]}, {"more": 1}, {"names": {"a": 1}},
                      {"parts": [{"kind": "one", "size": True}]}, {"at": {"x": "1"}}, {"at": {}},
                      {"parts": [{"kind": "one", "size": 2**63}]}):
            with self.subTest(wrong=wrong), self.assertRaises(ValueError):
                self.seen({**good, **wrong})


class ReplyTest(unittest.TestCase):
    def test_takes_good_ones(self):
        self.assertEqual(Reply(b'{"parameters":{"a":1}}').parameters, {"a": 1})
        self.assertTrue(Reply(b'{"parameters":{},"continues":true}').continues)
        self.assertEqual(Reply(b'{"error":"a.b.Bad","parameters":{}}').short_error(), "Bad")

    def test_refuses_what_some_client_does_not_take(self):
        for text in (b"", b"[]", b"{}{}", b'{"parameters":[]}', b'{"parameters":null}',
                     b'{"error":null}', b'{"error":""}', b'{"error":"Bad"}', b'{"extra":1}',
                     b'{"error":"a.b.Bad","continues":true}',
                     b'{"error":"a.b.Bad","parameters":[]}',
                     b'{"parameters":{"a":1,"a":1}}', b'{"parameters":{"a":NaN}}',
                     b'{"parameters":{"a":"\xff"}}', b'{"parameters":{"a":"\\u0000"}}',
                     b'{"parameters":{"a":"\\ud800"}}', b'{"parameters":{"\\u0000":1}}',
                     b'{"continues":1}', b'{"parameters":{"a":' + b"[" * 70 + b"]" * 70 + b"}}"):
            with self.subTest(text=text), self.assertRaises((Violation, ValueError)):
                Reply(text)


if __name__ == "__main__":
    unittest.main()
