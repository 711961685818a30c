#include "daemon/relay/peer_table.h"

#include <algorithm>

namespace ivshmemd {

bool PeerTable::announce(std::uint16_t id, std::shared_ptr<const UniqueFd> eventfd) {
    if (!vectors_) return true;
    Peer& peer = peers_[id];
    const std::uint32_t vector = peer.announced++;
    if (vector < peer.given.size()) {
        peer.bridges.push_back(DoorbellBridge::build(executor_, peer.given[vector]->duplicate(),
                                                     eventfd->duplicate()));
        return false;
    }
    if (vector >= *vectors_) return false;
    peer.given.push_back(std::move(eventfd));
    return true;
}

void PeerTable::withdraw(std::uint16_t id, std::size_t untold) {
    const auto peer = peers_.find(id);
    if (peer == peers_.end()) return;
    auto& given = peer->second.given;
    given.resize(given.size() - std::min(untold, given.size()));
    peer->second.announced = 0;
    peer->second.bridges.clear();
}

}  // namespace ivshmemd
