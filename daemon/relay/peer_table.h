#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "daemon/base/async.h"
#include "daemon/base/unique_fd.h"
#include "daemon/relay/doorbell_bridge.h"

namespace ivshmemd {

/// What one QEMU may be told of a server's peers. QEMU (all versions up to 11) frees a peer's
/// eventfds when it hears that the peer has left, and uses them again when the id comes back or the
/// device is unplugged: both kill the VM. So no departure is passed on. When the id comes back,
/// QEMU goes on ringing the eventfds it has, and from these the rings are carried to the
/// newcomer's.
class PeerTable {
  public:
    /// QEMU's device has `vectors` vectors; without a number nothing is known of what QEMU was told
    /// before, and whatever comes is passed on: QEMU ignores what is too much.
    PeerTable(Executor executor, std::optional<std::uint32_t> vectors)
        : executor_(std::move(executor)), vectors_(vectors) {}

    /// A vector of this peer was announced. True when QEMU is to hear of it; then the eventfd is
    /// kept, for the rings that QEMU gives it after another peer has taken over the id.
    bool announce(std::uint16_t id, std::shared_ptr<const UniqueFd> eventfd);

    /// The peer has left. QEMU was not told, and never will be, of the last `untold` of what it was
    /// to hear.
    void withdraw(std::uint16_t id, std::size_t untold);

    /// Ends all carrying.
    void clear() { peers_.clear(); }

  private:
    struct Peer {
        std::vector<std::shared_ptr<const UniqueFd>> given;  // to QEMU, by vector
        std::vector<std::shared_ptr<DoorbellBridge>> bridges;
        std::uint32_t announced = 0;  // vectors since it came
    };

    Executor executor_;
    std::optional<std::uint32_t> vectors_;
    std::map<std::uint16_t, Peer> peers_;
};

}  // namespace ivshmemd
