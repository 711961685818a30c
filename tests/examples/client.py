#!/usr/bin/env python3
"""A client in Python that needs no library: Varlink is JSON objects, each followed by a zero byte.

usage: client.py                    list the VMs
       client.py VM NAME [BYTES]    plug a device in, watch its events, take it out again

The daemon's socket is IVSHMEMD_SOCKET, else /run/ivshmemd/ivshmemd.sock. What can be called is told
in io.ivshmemd.Hotplug.varlink, which org.varlink.service.GetInterfaceDescription also answers.
"""

import json
import os
import socket
import sys

SOCKET = os.environ.get("IVSHMEMD_SOCKET", "/run/ivshmemd/ivshmemd.sock")
INTERFACE = "io.ivshmemd.Hotplug"
PENDING = 7  # the exit status that ivshmemctl has for this


class VarlinkError(Exception):
    """The daemon said no. The name is for programs, the message for people."""

    def __init__(self, name, parameters):
        super().__init__(parameters.get("message") or json.dumps(parameters))
        self.name = name.rpartition(".")[2]


class Client:
    """One connection. Calls are answered in the order they were made, so that whoever waits for
    events makes other calls on a second one."""

    def __init__(self, path=SOCKET):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.connect(path)
        self.received = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, method, parameters, more=False):
        call = {"method": f"{INTERFACE}.{method}", "parameters": parameters, "more": more}
        self.socket.sendall(json.dumps(call).encode() + b"\0")

    def receive(self):
        """The parameters of the next reply, and whether another follows."""
        while b"\0" not in self.received:
            data = self.socket.recv(65536)
            if not data:
                raise ConnectionError("ivshmemd closed the connection")
            self.received += data
        message, _, self.received = self.received.partition(b"\0")
        reply = json.loads(message)
        parameters = reply.get("parameters") or {}
        if reply.get("error"):
            raise VarlinkError(reply["error"], parameters)
        return parameters, reply.get("continues", False)

    def call(self, method, **parameters):
        """A call with one reply."""
        self.send(method, parameters)
        return self.receive()[0]

    def stream(self, method, **parameters):
        """A call with "more": yields every reply. Those to Subscribe end with the connection."""
        self.send(method, parameters, more=True)
        continues = True
        while continues:
            reply, continues = self.receive()
            yield reply


def list_vms():
    with Client() as client:
        for vm in client.call("ListVms")["vms"]:
            # Fields with a "?" in the interface are left out when there is nothing to say.
            print(f"{vm['name']}: {vm['state']}, QEMU {vm.get('qemuVersion', 'unknown')}, "
                  f"{vm['deviceCount']} device(s)")


def wait_for(events, kind, name):
    """Prints events until this one comes."""
    for event in events:
        words = (event["kind"], event.get("device", ""), event.get("detail", ""))
        print("event:", *filter(None, words))
        if event["kind"] == kind and event.get("device") == name:
            return


def plug_and_unplug(vm, name, size):
    with Client() as client, Client() as watcher:
        events = watcher.stream("Subscribe", vm=vm)
        next(events)  # "ready": whatever happens from here on is reported

        made = client.call("Attach", vm=vm, name=name, size=size)
        if not made["changed"]:
            print(f"{vm} has such a device already; it stays")
            return 0
        device = made["device"]
        print(f"attached: {device['model']}, {device['role']}, {device['size']} bytes, "
              f"{device['bus']} slot {device['slot']}, region {device['region']}")
        wait_for(events, "attached", name)

        # The guest takes part in this and may take its time. Who does not ask for "more" gets the
        # last reply alone, the one with "result".
        wish = {"vm": vm, "name": name, "timeoutMs": 30000, "removeRegion": True}
        for reply in client.stream("Detach", **wish):
            if reply.get("progress"):
                print(f"progress: {reply['progress']['text']}")
        print(f"detach: {reply['result']}")
        if reply["result"] == "pending":
            return PENDING  # it goes on by itself, and ends with the event "detached"
        wait_for(events, "detached", name)
        return 0


def main(arguments):
    if len(arguments) not in (0, 2, 3):
        print(__doc__, file=sys.stderr)
        return 2
    try:
        if not arguments:
            return list_vms()
        vm, name, *size = arguments
        return plug_and_unplug(vm, name, int(size[0]) if size else 1 << 20)
    except VarlinkError as error:
        print(f"{error.name}: {error}", file=sys.stderr)
    except OSError as error:
        print(f"{SOCKET}: {error}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
