"""The Varlink interface language, read and applied as its specification has it.

A type is one of: ("bool",) ("int",) ("float",) ("string",) ("object",) ("named", NAME)
("struct", {FIELD: TYPE}) ("enum", [VALUE...]) ("array", TYPE) ("map", TYPE) ("maybe", TYPE).
"""

import re

TOKEN = re.compile(r"\s*(?:#[^\n]*\n\s*)*(->|[():,?]|\[string\]|\[\]|[A-Za-z][A-Za-z0-9_.-]*)")
MEMBER_NAME = re.compile(r"[A-Z][A-Za-z0-9]*")
FIELD_NAME = re.compile(r"[A-Za-z](_?[A-Za-z0-9])*")
SCALARS = ("bool", "int", "float", "string", "object")


class Interface:
    """What the text of an interface declares: name, types, methods as (in, out), and errors."""

    def __init__(self, text):
        self.tokens = self.split(text.rstrip() + "\n")
        self.types, self.methods, self.errors = {}, {}, {}
        self.expect("interface")
        self.name = self.take()
        while self.tokens:
            self.read_member()

    @staticmethod
    def split(text):
        tokens, at = [], 0
        while at < len(text.rstrip()):
            match = TOKEN.match(text, at)
            if not match:
                raise ValueError(f"not the interface language: {text[at:at + 40]!r}")
            tokens.append(match.group(1))
            at = match.end()
        return tokens

    def take(self):
        return self.tokens.pop(0)

    def expect(self, token):
        found = self.take()
        if found != token:
            raise ValueError(f"{token!r} expected, found {found!r}")

    def read_member(self):
        keyword, name = self.take(), self.take()
        table = {"type": self.types, "method": self.methods, "error": self.errors}[keyword]
        if not MEMBER_NAME.fullmatch(name) or name in table:
            raise ValueError(f"a bad name, or one that is there twice: {name}")
        if keyword == "method":
            given = self.read_struct()
            self.expect("->")
            table[name] = (given, self.read_struct())
        else:
            table[name] = self.read_type()

    def read_struct(self):
        kind = self.read_type()
        if kind[0] != "struct":
            raise ValueError(f"a struct expected, found {kind[0]}")
        return kind

    def read_type(self):
        token = self.take()
        if token in ("?", "[]", "[string]"):
            return ({"?": "maybe", "[]": "array", "[string]": "map"}[token], self.read_type())
        if token == "(":
            return self.read_fields()
        return (token,) if token in SCALARS else ("named", token)

    def read_fields(self):
        names, types = [], {}
        while self.tokens[0] != ")":
            name = self.take()
            if not FIELD_NAME.fullmatch(name) or name in names:
                raise ValueError(f"a bad field, or one that is there twice: {name}")
            names.append(name)
            if self.tokens[0] == ":":
                self.take()
                types[name] = self.read_type()
            if self.tokens[0] == ",":
                self.take()
        self.expect(")")
        if types and len(types) != len(names):
            raise ValueError(f"fields with and without a type: {names}")
        return ("struct", types) if types or not names else ("enum", names)

    def fields(self):
        """Every field of every struct, method and error, as OWNER.FIELD."""
        found = set()
        for owner, kind in self.owners():
            found |= self.fields_of(owner, kind)
        return found

    def owners(self):
        yield from self.types.items()
        for name, (given, answered) in self.methods.items():
            yield f"{name} in", given
            yield f"{name} out", answered
        for name, kind in self.errors.items():
            yield f"error {name}", kind

    def fields_of(self, owner, kind):
        if kind[0] in ("maybe", "array", "map"):
            return self.fields_of(owner, kind[1])
        if kind[0] != "struct":
            return set()
        found = set()
        for name, inner in kind[1].items():
            found |= {f"{owner}.{name}"} | self.fields_of(f"{owner}.{name}", inner)
        return found

    def check(self, owner, kind, value, seen):
        """Compares a value with its type; adds each field that has a value to `seen`."""
        getattr(self, "check_" + kind[0])(owner, kind, value, seen)

    def check_bool(self, owner, _kind, value, _seen):
        self.require(isinstance(value, bool), owner, value)

    def check_int(self, owner, _kind, value, _seen):
        right = isinstance(value, int) and not isinstance(value, bool)
        self.require(right and -(2**63) <= value < 2**63, owner, value)

    def check_float(self, owner, _kind, value, _seen):
        self.require(isinstance(value, (int, float)) and not isinstance(value, bool), owner, value)

    def check_string(self, owner, _kind, value, _seen):
        self.require(isinstance(value, str), owner, value)

    def check_object(self, owner, _kind, value, _seen):
        self.require(isinstance(value, dict), owner, value)

    def check_enum(self, owner, kind, value, _seen):
        self.require(value in kind[1], owner, value)

    def check_named(self, _owner, kind, value, seen):
        self.check(kind[1], self.types[kind[1]], value, seen)

    def check_maybe(self, owner, kind, value, seen):
        if value is not None:
            self.check(owner, kind[1], value, seen)

    def check_array(self, owner, kind, value, seen):
        self.require(isinstance(value, list), owner, value)
        for each in value:
            self.check(owner, kind[1], each, seen)

    def check_map(self, owner, kind, value, seen):
        self.require(isinstance(value, dict), owner, value)
        for each in value.values():
            self.check(owner, kind[1], each, seen)

    def check_struct(self, owner, kind, value, seen):
        self.require(isinstance(value, dict), owner, value)
        self.require(value.keys() <= kind[1].keys(), owner, value)
        for name, inner in kind[1].items():
            self.check(f"{owner}.{name}", inner, value.get(name), seen)
            if value.get(name) is not None:
                seen.add(f"{owner}.{name}")

    @staticmethod
    def require(right, owner, value):
        if not right:
            raise ValueError(f"{owner} is not what the interface declares: {value!r}")
