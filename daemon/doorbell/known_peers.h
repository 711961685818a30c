#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <vector>

#include "daemon/async.h"
#include "daemon/doorbell/announcements.h"
#include "daemon/relay/doorbell_bridge.h"

namespace ivshmemd::doorbell {

/// What a QEMU may be told of the other peers. It frees the eventfds of a peer that leaves, and
/// uses them again when the id comes back or its device is unplugged, either of which kills the VM
/// (PeerTable, of the relay, has the same duty). So it hears of no departure; when an id comes
/// back, QEMU goes on ringing the first holder's eventfds, and the rings are carried on from there.
class KnownPeers {
  public:
    explicit KnownPeers(Executor executor) : executor_(std::move(executor)) {}

    /// A peer is there. True when QEMU is to hear of it: nobody had this id before.
    bool add(std::uint16_t id, const SharedDescriptors& vectors);

    /// It has left.
    void remove(std::uint16_t id);

  private:
    struct Known {
        SharedDescriptors told;  // to QEMU
        std::vector<std::shared_ptr<DoorbellBridge>> bridges;
    };

    Executor executor_;
    std::map<std::uint16_t, Known> known_;
};

/// Whether the process at the other end of this socket is a QEMU, by its name. False where /proc
/// does not say.
bool is_qemu(int socket);

}  // namespace ivshmemd::doorbell
