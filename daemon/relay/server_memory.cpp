#include "daemon/relay/server_memory.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>

#include "daemon/region/reservation.h"
#include "lib/size.h"

namespace ivshmemd {
namespace {

const char* kind_of_memory(mode_t mode) {
    if (S_ISDIR(mode)) return "a directory";
    if (S_ISFIFO(mode)) return "a pipe";
    if (S_ISSOCK(mode)) return "a socket";
    if (S_ISCHR(mode) || S_ISBLK(mode)) return "a device";
    return "no file";
}

constexpr const char* less_memory = "; free some, or have the server share less";

}  // namespace

std::string examine_memory(ServerConnection& server, std::uint64_t size_limit) {
    const int fd = server.memory.get();
    constexpr int fixed_size = F_SEAL_SHRINK | F_SEAL_GROW;
    ::fcntl(fd, F_ADD_SEALS, fixed_size);
    const int seals = ::fcntl(fd, F_GET_SEALS);
    server.sealed = seals >= 0 && (seals & fixed_size) == fixed_size;
    struct stat status {};
    if (::fstat(fd, &status) != 0) return std::string("its memory: ") + std::strerror(errno);
    if (!S_ISREG(status.st_mode)) {
        return std::string("what it sends as memory is ") + kind_of_memory(status.st_mode);
    }
    if ((::fcntl(fd, F_GETFL) & O_ACCMODE) != O_RDWR) return "its memory cannot be written to";
    server.size = static_cast<std::uint64_t>(status.st_size);
    server.file = {status.st_dev, status.st_ino};
    const Result<void> sound = check_size(server.size, size_limit);
    return sound ? "" : "its memory: " + sound.error().message;
}

std::string reserve_memory(const ServerConnection& server, unsigned reserve_percent) {
    const int fd = server.memory.get();
    const ReservationFacts facts = reservation_facts(fd, server.size);
    const std::string shortage = shortage_of(facts, reserve_percent);
    if (!shortage.empty()) return "its memory " + shortage + less_memory;
    const std::string problem = allocate_missing(fd, facts);
    if (!problem.empty()) return "its memory cannot be reserved: " + problem + less_memory;
    // That took its time, and QEMU aborts where the size has become no power of two.
    struct stat status {};
    if (::fstat(fd, &status) != 0) return std::string("its memory: ") + std::strerror(errno);
    const bool is_same = static_cast<std::uint64_t>(status.st_size) == server.size;
    return is_same ? "" : "its memory changes its size; have the server seal it";
}

}  // namespace ivshmemd
