#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "tests/support/deadline.h"
#include "tests/support/file_descriptor.h"

namespace ivshmemd::test {

/// The service manager's end of sd_notify: give its path to a program as NOTIFY_SOCKET. Descriptors
/// are kept under their names as a service manager does with FDSTORE=1; others that come along are
/// closed, which is also the answer that a notify barrier waits for.
class NotifySocket {
  public:
    explicit NotifySocket(const std::filesystem::path& path);

    const std::filesystem::path& path() const { return path_; }

    /// False when the deadline passed first. A line that came earlier counts; forget() drops those.
    bool wait_ready(Deadline deadline) { return wait_line("READY=1", deadline); }
    /// A line, such as "STATUS=2 of 2 VMs connected", that begins with `prefix`.
    bool wait_line(std::string_view prefix, Deadline deadline);
    void forget() { lines_.clear(); }

    /// What is kept now.
    const std::map<std::string, FileDescriptor>& stored();

    const std::vector<std::string>& lines() const { return lines_; }

  private:
    bool take_message(Deadline deadline);
    void follow_store(const std::vector<std::string>& lines, std::vector<FileDescriptor> fds);

    std::filesystem::path path_;
    FileDescriptor fd_;
    std::vector<std::string> lines_;
    std::map<std::string, FileDescriptor> stored_;
};

}  // namespace ivshmemd::test
