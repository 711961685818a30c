#pragma once

#include <filesystem>
#include <vector>

#include "tests/support/file_descriptor.h"
#include "tests/support/scripted_server.h"

namespace ivshmemd::test {

/// A doorbell server without a thread: it does what is to be done when it is asked to.
class Bell {
  public:
    explicit Bell(std::filesystem::path path);

    /// Greets who has come, each with the next id and two vectors, and lets go of who has left.
    /// False when there was nothing to do.
    bool serve();
    std::size_t clients() const { return clients_.size(); }
    const std::filesystem::path& path() const { return path_; }

  private:
    bool greet();

    std::filesystem::path path_;
    FileDescriptor listener_;
    FileDescriptor memory_;
    std::vector<FileDescriptor> clients_;
    int next_id_ = 0;
};

}  // namespace ivshmemd::test
