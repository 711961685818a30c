#pragma once

#include "daemon/detach/parking.h"
#include "tests/daemon/fake_pc_words.h"
#include "tests/daemon/vm/operation_fixture.h"
#include "tests/support/json_text.h"
#include "tests/support/scripted_server.h"

namespace ivshmemd::test {

/// Without KVM, QEMU goes on watching the numbers of descriptors that it has closed. The fake
/// machine notes whatever gets one of those numbers and may become readable.
class Parking : public OperationFixture {
  protected:
    Parking() { host_.deadlines.parked = Milliseconds(50); }

    std::string path() const { return directory_ / "server"; }

    /// A server that announces so many peers, of two vectors each, before our own.
    ScriptedServer::Script server_with(int peers) {
        return [this, peers](int client) {
            const int id = peers;
            send_handshake(client, id, memory_.get());
            for (int peer = 0; peer < peers; ++peer) send_vectors(client, peer, 2);
            send_vectors(client, id, 2);
            wait_closed(client);
        };
    }
    DeviceRequest doorbell(const std::string& name = "bell") const {
        DeviceRequest request;
        request.name = name;
        request.server = path();
        request.vectors = 2;
        return request;
    }

    std::size_t parked() const {
        std::size_t count = 0;
        for (const json& request : pc_.qemu_received()) {
            const std::string name = text_of(member(request, "arguments"), "fdname");
            count += name.starts_with("ivshmemd.parked.") ? 1 : 0;
        }
        return count;
    }
    /// Names of the commands since the first device_del, with those that park as "park".
    std::vector<std::string> since_device_del() const {
        std::vector<std::string> names;
        for (const json& request : pc_.qemu_received()) {
            std::string name = text_of(request, "execute");
            const std::string fd = text_of(member(request, "arguments"), "fdname");
            if (fd.starts_with("ivshmemd.parked.")) name = "park";
            if (name == "device_del" || !names.empty()) names.push_back(name);
        }
        return names;
    }
    /// What gives QEMU a descriptor or has it open a file.
    static bool takes_descriptor(const std::string& command) {
        return command == "getfd" || command == "object-add" || command == "chardev-add";
    }

    FileDescriptor memory_ = shared_memory(mebibyte);
};

}  // namespace ivshmemd::test
