#include "daemon/migration/socket_place.h"

#include <sys/stat.h>

#include <cerrno>
#include <filesystem>

#include "daemon/vm/migration_watch.h"
#include "lib/names.h"

namespace ivshmemd {
namespace {

struct PlaceLook {
    int error = 0;             // errno of the directory; 0: it is there
    bool as_qemu_has = false;  // seen through QEMU's own mounts
};

int error_of_directory(const std::string& path) {
    struct stat status {};
    if (stat(path.c_str(), &status) != 0) return errno;
    return S_ISDIR(status.st_mode) ? 0 : ENOTDIR;
}

PlaceLook look_at_place(std::optional<pid_t> pid, const std::string& directory) {
    if (pid) {
        const std::string root = "/proc/" + std::to_string(*pid) + "/root";
        if (error_of_directory(root + "/") == 0)
            return {error_of_directory(root + directory), true};
    }
    return {error_of_directory(directory), false};
}

Error no_directory(const std::string& directory, const PlaceLook& look) {
    const std::string unsure =
        look.as_qemu_has ? "" : ", as far as ivshmemd can see; force goes past that";
    return Error(
        ErrorKind::invalid_parameter,
        "there is no directory " + printable(directory, 200) + " for the socket to be in" + unsure,
        {{"parameter", std::string("uri")}});
}

}  // namespace

awaitable<Result<void>> check_socket_place(std::shared_ptr<Vm> vm, ListenAddress target,
                                           bool force) {
    if (target.path.empty()) co_return Result<void>();
    const std::string directory = std::filesystem::path(target.path).parent_path();
    // A file system may take its time to answer.
    const auto look_there = [pid = vm->identity().pid, directory] {
        return look_at_place(pid, directory);
    };
    const PlaceLook look = co_await vm->host().remover.run(look_there);
    const bool missing = look.error == ENOENT || look.error == ENOTDIR;
    if (!missing || (force && !look.as_qemu_has)) co_return Result<void>();
    co_return no_directory(directory, look);
}

}  // namespace ivshmemd
