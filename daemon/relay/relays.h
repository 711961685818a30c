#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "daemon/base/notify.h"
#include "daemon/relay/kept.h"
#include "daemon/relay/relay.h"

// How a device and its doorbell server are kept apart, and together
//
// QEMU reads a server's handshake inside device_add with its main loop blocked; a server that falls
// silent or breaks off there hangs the VM for good. So the daemon shakes hands itself, under a
// deadline, and gives QEMU one end of a socket pair in which the whole handshake lies ready. From
// the other end it passes on what the server says later: which peers have come. That a peer has
// left is kept from QEMU, which does not survive it; rings to an id that came back are carried over
// (PeerTable). Each peer costs QEMU descriptors, and one that has none left is told of no more
// (Backlog).
//
// Both of the daemon's ends are with the service manager as well, before QEMU has its own: a daemon
// that dies while QEMU reads would otherwise hang it. They are found again by name (adopt), and run
// once a reading shows their device (start); those of devices that are not there are let go of
// (drop). When the server ends, QEMU's side is closed too, so that QEMU's own word for it is true;
// peers that know each other go on ringing, for that needs nobody between them. A relay whose
// device_add went unanswered is kept until its outcome is known: what would hang QEMU is the end of
// a relay that QEMU is still reading from.
namespace ivshmemd {

/// The relays of all devices, by VM and device. Their ends are kept by the service manager as well,
/// where it does so, so that a restart of this daemon cuts no device off from its server.
class Relays {
  public:
    /// `lost` hears of servers that broke off.
    using Lost = std::function<void(const std::string& vm, const std::string& device,
                                    const std::string& why)>;

    Relays(Executor executor, ManagerPost& manager, Lost lost)
        : executor_(std::move(executor)),
          manager_(manager),
          lost_(std::move(lost)),
          scope_(executor_, {}) {}

    /// Takes back what the service manager kept over a restart, by its names. These relays run once
    /// start() says that their devices are there.
    void adopt(std::map<std::string, UniqueFd> kept);

    /// Makes a relay that does not run yet. QEMU's end of it, with the whole handshake to be read
    /// already. Internal when the host gives no descriptors, or the service manager does not take
    /// ours: a restart would cut the device off then.
    awaitable<Result<UniqueFd>> prepare(std::string vm, std::string device,
                                        std::shared_ptr<ServerConnection> server);

    /// Begins to relay: QEMU has read its handshake. It is asked before it gets descriptors.
    void start(const std::string& vm, const std::string& device, AskRoom ask);

    /// Ends it, if there is one.
    void drop(const std::string& vm, const std::string& device);

    /// Whether the relays of a VM are to keep what they would pass on, until they are told
    /// otherwise.
    void hold_back(const std::string& vm, bool held);

    /// Leaves all of them to the next daemon: this one ends.
    void leave();
    /// Waits until none runs any more. False at the deadline.
    awaitable<bool> ended(SteadyClock::time_point until) { return scope_.ended(until); }

    /// Whether the device is connected to its server.
    bool connected(const std::string& vm, const std::string& device) const;

    /// The server's memory, while known: not after a restart.
    struct Memory {
        RegionIdentity file;
        bool sealed = false;
    };
    std::optional<Memory> memory(const std::string& vm, const std::string& device) const;

    /// Descriptors that QEMU was given for this device, as far as this daemon knows.
    std::size_t passed(const std::string& vm, const std::string& device) const;

    /// Descriptors that the VM's QEMU may not have yet, though it was found to have room for them:
    /// of all its devices.
    std::size_t outstanding(const std::string& vm) const;

    /// Peers of the device's server that its QEMU has no room for.
    std::size_t crowded_out(const std::string& vm, const std::string& device) const;

    /// Whether QEMU has taken all that was to be passed so far; also when there is no relay.
    bool delivered(const std::string& vm, const std::string& device) const;

    /// The devices of a VM that have a relay, running or not.
    std::vector<std::string> devices(const std::string& vm) const;

  private:
    using Key = RelayKey;
    struct Entry {
        std::shared_ptr<Relay> relay;  // null once it has ended
        std::optional<Memory> memory = std::nullopt;
        std::size_t passed = 0;  // by a relay that has ended
    };

    void run(const Key& key, Relay& relay, AskRoom ask);
    void discard(const Key& key);
    awaitable<bool> store(Key key, int qemu, int server);
    void ended(const Key& key, const std::string& why);

    Executor executor_;
    ManagerPost& manager_;
    Lost lost_;
    std::map<Key, Entry> entries_;
    std::set<std::string> held_back_;  // VMs
    Scope scope_;
};

}  // namespace ivshmemd
