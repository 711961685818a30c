#include "tests/support/temp_dir.h"

#include <stdlib.h>

#include <cerrno>
#include <string>
#include <system_error>

namespace ivshmemd::test {

TempDir::TempDir(const std::filesystem::path& parent) {
    std::string path = parent / "ivt.XXXXXX";
    if (!::mkdtemp(path.data())) throw std::system_error(errno, std::generic_category(), path);
    path_ = path;
}

TempDir::~TempDir() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
}

}  // namespace ivshmemd::test
