#include "daemon/doorbell/known_peers.h"

#include <sys/socket.h>

#include <filesystem>
#include <fstream>
#include <string>

namespace ivshmemd::doorbell {

bool KnownPeers::add(std::uint16_t id, const SharedDescriptors& vectors) {
    const auto [place, is_new] = known_.emplace(id, Known{vectors, {}});
    if (is_new) return true;
    Known& known = place->second;
    known.bridges.clear();
    for (std::size_t i = 0; i < known.told->size() && i < vectors->size(); ++i) {
        known.bridges.push_back(DoorbellBridge::build(executor_, (*known.told)[i].duplicate(),
                                                      (*vectors)[i].duplicate()));
    }
    return false;
}

void KnownPeers::remove(std::uint16_t id) {
    const auto place = known_.find(id);
    if (place != known_.end()) place->second.bridges.clear();
}

bool is_qemu(int socket) {
    ucred peer{};
    socklen_t length = sizeof peer;
    if (::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &length) != 0) return false;
    const std::string process = "/proc/" + std::to_string(peer.pid);
    std::error_code hidden;
    const std::string program = std::filesystem::read_symlink(process + "/exe", hidden).filename();
    std::string command;
    std::getline(std::ifstream(process + "/comm"), command);
    return program.starts_with("qemu") || command.starts_with("qemu");
}

}  // namespace ivshmemd::doorbell
