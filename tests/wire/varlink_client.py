"""A Varlink client written from the specification and from what the service says of itself.

Stricter than any client in use: what it takes, all of them take.
"""

import json
import socket
import time

from varlink_idl import Interface

SERVICE = "org.varlink.service"
LONGEST_REPLY = 16 * 1024 * 1024
DEEPEST_REPLY = 64
PATIENCE = 30  # seconds


class Violation(Exception):
    """The service broke the protocol."""


class Closed(Exception):
    """The service closed the connection."""


def no_duplicates(pairs):
    members = dict(pairs)
    if len(members) != len(pairs):
        raise Violation(f"a key is there twice: {[name for name, _ in pairs]}")
    return members


def no_constant(word):
    raise Violation(f"{word} is not JSON")


def check_text(value, depth=1):
    """Every string must be encodable and free of NUL; nesting has its limit."""
    if depth > DEEPEST_REPLY:
        raise Violation("nested too deep")
    if isinstance(value, str):
        if "\0" in value:
            raise Violation(f"U+0000 in {value!r}")
        value.encode("utf-8")  # a lone surrogate raises
    elif isinstance(value, dict):
        for name, member in value.items():
            check_text(name, depth)
            check_text(member, depth + 1)
    elif isinstance(value, list):
        for member in value:
            check_text(member, depth + 1)


class Reply:
    """One message from the service, checked by itself."""

    def __init__(self, message):
        if len(message) > LONGEST_REPLY:
            raise Violation("too long")
        reply = json.loads(message.decode("utf-8"), object_pairs_hook=no_duplicates,
                           parse_constant=no_constant)
        if not isinstance(reply, dict) or not reply.keys() <= {"parameters", "continues", "error"}:
            raise Violation(f"not a reply: {reply}")
        check_text(reply)
        self.parameters = reply.get("parameters", {})
        self.continues = reply.get("continues", False)
        self.error = reply.get("error", "")
        if not isinstance(self.parameters, dict) or not isinstance(self.continues, bool):
            raise Violation(f"not a reply: {reply}")
        if "error" in reply and (not isinstance(self.error, str) or "." not in self.error):
            raise Violation(f"not the name of an error: {self.error!r}")
        if self.error and self.continues:
            raise Violation("an error that continues")

    def short_error(self):
        """The error's name without its interface; empty for a success."""
        return self.error.rpartition(".")[2]

    def __repr__(self):
        return f"{self.error or 'reply'} {self.parameters}"


class Connection:
    """Bytes to and from the service; nothing is checked beyond the framing and each reply."""

    def __init__(self, path, timeout=PATIENCE):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            self.socket.connect(path)  # waits while the queue is full
        except OSError:
            self.socket.close()
            raise
        self.socket.settimeout(timeout)
        self.buffer = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    def send_bytes(self, data):
        self.socket.sendall(data)

    def send_object(self, message):
        self.send_bytes(json.dumps(message).encode() + b"\0")

    def read_message(self):
        while b"\0" not in self.buffer:
            try:
                data = self.socket.recv(1 << 16)
            except ConnectionError as error:
                raise Closed() from error
            if not data:
                if self.buffer:
                    raise Violation(f"closed inside a message: {self.buffer[:80]!r}")
                raise Closed()
            self.buffer += data
        message, _, self.buffer = self.buffer.partition(b"\0")
        return message

    def receive(self):
        return Reply(self.read_message())

    def is_silent(self, seconds):
        """Whether nothing comes for that long."""
        self.socket.settimeout(seconds)
        try:
            return not self.buffer and not self.socket.recv(1, socket.MSG_PEEK)
        except TimeoutError:
            return True
        finally:
            self.socket.settimeout(PATIENCE)


class Account:
    """The interfaces of a service as it describes them, and what of them was seen so far."""

    def __init__(self, path):
        self.seen = {}
        self.interfaces = {}
        with Connection(path) as connection:
            connection.send_object({"method": SERVICE + ".GetInfo"})
            self.info = connection.receive().parameters
            self.texts = {name: self.describe(connection, name) for name in self.info["interfaces"]}
        for name, text in self.texts.items():
            self.interfaces[name] = Interface(text)
            self.seen[name] = set()

    @staticmethod
    def describe(connection, name):
        connection.send_object({"method": SERVICE + ".GetInterfaceDescription",
                                "parameters": {"interface": name}})
        return connection.receive().parameters["description"]

    def all_of(self, name):
        """Every method, field and error of an interface."""
        interface = self.interfaces[name]
        return (interface.fields() | {f"method {each}" for each in interface.methods}
                | {f"error {each}" for each in interface.errors})

    def unseen(self, name):
        return self.all_of(name) - self.seen[name]

    def check(self, call, reply):
        """Compares a reply with the interface, and counts what is in the call and in the reply."""
        if reply.error:
            return self.check_error(reply)
        owner, _, method = call["method"].rpartition(".")
        interface, seen = self.interfaces[owner], self.seen[owner]
        given, answered = interface.methods[method]
        interface.check(f"{method} out", answered, reply.parameters, seen)
        interface.check(f"{method} in", given, call.get("parameters", {}), seen)
        seen.add(f"method {method}")
        return reply

    def check_error(self, reply):
        owner, _, error = reply.error.rpartition(".")
        interface, seen = self.interfaces[owner], self.seen[owner]
        interface.check(f"error {error}", interface.errors[error], reply.parameters, seen)
        seen.add(f"error {error}")
        return reply


class Client(Connection):
    """Calls methods, and checks every reply against the interface that the service published."""

    def __init__(self, path, account):
        super().__init__(path)
        self.account = account
        self.calls = []  # whose replies are still to come

    def send(self, method, parameters=None, **flags):
        call = {"method": method, **flags}
        if parameters is not None:
            call["parameters"] = parameters
        if not call.get("oneway"):
            self.calls.append(call)
        self.send_object(call)

    def next_reply(self):
        reply = self.receive()
        call = self.calls[0]
        if reply.continues and not call.get("more"):
            raise Violation("more than one reply, and nobody asked for more")
        if not reply.continues:
            self.calls.pop(0)
        return self.account.check(call, reply)

    def call(self, method, parameters=None):
        self.send(method, parameters)
        return self.next_reply()


def wait_until(condition, what, timeout=PATIENCE):
    """Waits for something that announces itself to nobody."""
    end = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(f"waited in vain: {what}")
        time.sleep(0.02)
