"""What ivshmemd(8) shows of clients, for the tests to do as it says."""

import re

SOCKET = "/run/ivshmemd/ivshmemd.sock"


def examples(source):
    """The blocks of its text on clients of others, as they look to a reader."""
    with open(f"{source}/daemon/ivshmemd.8", encoding="utf-8") as file:
        text = file.read().split("\n.Ss Clients of others\n")[1]
    text = re.split(r"^\.S[sh] ", text, flags=re.MULTILINE)[0]
    return [block.replace("\\e\n", "\\\n")
            for block in re.findall(r"^\.Bd -literal\n(.*?)^\.Ed$", text, re.MULTILINE | re.DOTALL)]


def commands(source, word):
    """The shell commands among them that begin with this word."""
    lines = re.sub(r"\\\n *", "", "".join(examples(source))).splitlines()
    return [line[2:] for line in lines if line.startswith(f"$ {word}")]
