#include "daemon/doorbell/peer_process.h"

#include <sys/socket.h>

#include <filesystem>
#include <fstream>
#include <string>

namespace ivshmemd::doorbell {

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
