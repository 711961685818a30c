#pragma once

#include <filesystem>

namespace ivshmemd::test {

/// A private directory that removes itself. Its path is short: a socket's path in it must fit the
/// 108 bytes of sun_path.
class TempDir {
  public:
    TempDir() : TempDir("/tmp") {}
    /// For regions: legacy devices can use only what lies below /dev/shm.
    static TempDir shared_memory() { return TempDir("/dev/shm"); }

    TempDir(const TempDir&) = delete;
    TempDir& operator=(const TempDir&) = delete;
    ~TempDir();

    const std::filesystem::path& path() const { return path_; }
    std::filesystem::path operator/(std::string_view name) const { return path_ / name; }

  private:
    explicit TempDir(const std::filesystem::path& parent);
    std::filesystem::path path_;
};

}  // namespace ivshmemd::test
