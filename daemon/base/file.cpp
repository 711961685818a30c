#include "daemon/base/file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "daemon/base/unique_fd.h"

namespace ivshmemd {

bool write_all(int fd, std::string_view text) {
    while (!text.empty()) {
        const ssize_t written = ::write(fd, text.data(), text.size());
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) return false;
        text.remove_prefix(static_cast<std::size_t>(written));
    }
    return true;
}

int replace_file(const std::string& path, const std::string& text) {
    const std::string temporary = path + ".new";
    const std::string directory = path.substr(0, path.rfind('/') + 1);
    const UniqueFd file(
        ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600));
    if (!file || !write_all(file.get(), text) || ::fsync(file.get()) != 0) return errno;
    if (::rename(temporary.c_str(), path.c_str()) != 0) return errno;
    const UniqueFd parent(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    return parent && ::fsync(parent.get()) == 0 ? 0 : errno;
}

}  // namespace ivshmemd
