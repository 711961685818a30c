#pragma once

#include <string>
#include <utility>

namespace ivshmemd {

/// What is known of a VM's migration at this moment.
class MigrationState {
  public:
    /// QEMU's word; empty while none was ever started.
    const std::string& status() const { return status_; }
    void set_status(std::string status) { status_ = std::move(status); }

    /// This daemon carries one out, from its first step to its last, or takes devices out for
    /// somebody else's: see MigrationMark and Host::holds.
    bool claimed() const { return claimed_; }
    void claim() { claimed_ = true; }
    void release() { claimed_ = false; }

    /// Peers go back in after one that came to nothing.
    bool plugging_back() const { return plugging_back_; }
    void set_plugging_back(bool plugging_back) { plugging_back_ = plugging_back; }

  private:
    std::string status_;
    bool claimed_ = false;
    bool plugging_back_ = false;
};

}  // namespace ivshmemd
