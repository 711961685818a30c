"""Reads unit files as systemd does, as far as these tests need it."""

import re
import shlex


class UnitFile:
    def __init__(self, path):
        self.entries = []  # (section, key, value)
        section = None
        with open(path, encoding="utf-8") as file:
            text = re.sub(r"^[#;].*\n", "", file.read(), flags=re.MULTILINE)
        for line in text.replace("\\\n", " ").splitlines():
            line = line.strip()
            if line.startswith("["):
                section = line[1:-1]
            elif line:
                key, _, value = line.partition("=")
                self.entries.append((section, key, value.strip()))

    def all(self, key):
        """Every value of a key, in order."""
        return [value for _, each, value in self.entries if each == key]

    def one(self, key):
        """Its only value."""
        (value,) = self.all(key)
        return value

    def command(self, key, environment):
        """The words of a command line: ${A} is one of them, $A as many as are in it."""
        words = []
        for word in shlex.split(self.one(key)):
            whole = re.fullmatch(r"\$([A-Z]+)", word)
            if whole:
                words += environment[whole[1]].split()
            else:
                words.append(re.sub(r"\$\{([A-Z]+)\}", lambda m: environment[m[1]], word))
        return words

    def environment(self):
        """The defaults of the variables."""
        pairs = (pair.partition("=") for line in self.all("Environment") for pair in shlex.split(line))
        return {name: value for name, _, value in pairs}
