"""A service of a later version: it answers with a field, a value and an error that are new.

What clients make of these decides what may be added to the interface: see README.md.
"""

import json
import socket
import threading

from varlink_client import SERVICE

HOTPLUG = "io.ivshmemd.Hotplug"
VM = {"name": "demo", "qmpSocket": "/demo.qmp", "state": "connected", "deviceCount": 0}
NEW_FIELD = {**VM, "mood": "calm"}
NEW_VALUE = {**VM, "state": "dreaming"}
NEW_ERROR = (f"{HOTPLUG}.TooTired", {"message": "tomorrow", "vm": "demo", "mood": "calm"})


class LaterService(threading.Thread):
    """Publishes `text`, and answers ListVms with `vm` and anything else with the error."""

    def __init__(self, path, text, vm):
        super().__init__(daemon=True)
        self.text, self.vm = text, vm
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(path)
        self.listener.listen()
        self.start()

    def run(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(client,), daemon=True).start()

    def serve(self, client):
        received = b""
        with client:
            while data := client.recv(1 << 16):
                *calls, received = (received + data).split(b"\0")
                for call in calls:
                    client.sendall(json.dumps(self.answer(json.loads(call))).encode() + b"\0")

    def answer(self, call):
        if call["method"] == f"{SERVICE}.GetInfo":
            return {"parameters": {"vendor": "", "product": "", "version": "", "url": "",
                                   "interfaces": [SERVICE, HOTPLUG]}}
        if call["method"] == f"{SERVICE}.GetInterfaceDescription":
            return {"parameters": {"description": self.text}}
        if call["method"] == f"{HOTPLUG}.ListVms":
            return {"parameters": {"vms": [self.vm]}}
        name, parameters = NEW_ERROR
        return {"error": name, "parameters": parameters}

    def end(self):
        self.listener.shutdown(socket.SHUT_RDWR)  # wakes the thread
        self.listener.close()
        self.join()
