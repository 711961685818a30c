#pragma once

#include <string>

#include "daemon/base/unique_fd.h"
#include "lib/mapping.h"

// The kernel tells the owner of a file, who needs no privilege for it, whether any process has it
// open or mapped, in whatever container: it grants a write lease only where nobody has.
namespace ivshmemd {

/// Who opens a leased file makes the kernel send SIGIO, whose default ends the process. To be
/// called when the program starts; no lease is taken without.
void ignore_broken_leases();

/// A write lease on an open file, given back when this goes.
class WriteLease {
  public:
    explicit WriteLease(int fd);
    WriteLease(const WriteLease&) = delete;
    WriteLease& operator=(const WriteLease&) = delete;
    ~WriteLease();

    /// 0 when it was granted, or an errno.
    int error() const { return error_; }
    /// False once somebody waits to open the file: he gets it when the lease is given back.
    bool unbroken() const;

  private:
    int fd_;
    int error_ = 0;
};

/// Somebody's open file, or somebody else's lease.
bool says_in_use(int error);

/// Who has a file open.
enum class Openers {
    nobody,
    somebody,
    untold,     // the kernel does not tell us
    not_there,  // no file is at the path, or another one
};

/// Asks for a lease and gives it back at once. Descriptors of our own count as somebody's.
Openers find_openers(const std::string& path, const RegionIdentity& file);

/// Opens the file to be leased, without having it open in any other way; 0, or an errno; ENOENT
/// also when another file is there.
int open_to_lease(const std::string& path, const RegionIdentity& file, UniqueFd& opened);

}  // namespace ivshmemd
