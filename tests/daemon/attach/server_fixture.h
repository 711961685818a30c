#pragma once

#include <sys/stat.h>

#include <atomic>
#include <string>

#include "daemon/region/reservation.h"
#include "tests/daemon/vm/operation_fixture.h"
#include "tests/support/scripted_server.h"

namespace ivshmemd::test {

/// Attaches to servers that do what a test wants.
class ServerFixture : public OperationFixture {
  protected:
    std::string path() const { return directory_ / "server"; }

    /// Two vectors for whoever connects, each with the next id.
    ScriptedServer::Script good() {
        return [this](int client) {
            const int id = next_id_++;
            send_handshake(client, id, memory_.get());
            send_vectors(client, id, 2);
            wait_closed(client);
        };
    }
    DeviceRequest wanted(const std::string& name = "x") const {
        DeviceRequest request;
        request.name = name;
        request.server = path();
        request.vectors = 2;
        return request;
    }
    /// Bytes of a server's memory that are there.
    static std::uint64_t reserved(const FileDescriptor& memory) {
        struct stat status {};
        return ::fstat(memory.get(), &status) == 0 ? reserved_bytes(status) : 0;
    }

    FileDescriptor memory_ = shared_memory(mebibyte);
    std::atomic<int> next_id_ = 0;
};

}  // namespace ivshmemd::test
