#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace ivshmemd {

/// What is still to be done for the devices that the configuration declares for a VM, by name.
class DeclaredState {
  public:
    /// Not as declared, and why.
    const std::map<std::string, std::string>& failures() const { return failures_; }
    void fail(const std::string& device, std::string why) { failures_[device] = std::move(why); }
    void mend(const std::string& device) { failures_.erase(device); }

    /// To be looked at, now or when that can be done.
    bool is_due(const std::string& device) const { return due_.contains(device); }
    bool has_due() const { return !due_.empty(); }
    void put(const std::string& device) { due_.insert(device); }
    void take(const std::string& device) { due_.erase(device); }
    /// Only these can be due.
    void keep_due(const std::vector<std::string>& devices) {
        std::erase_if(due_, [&](const std::string& each) {
            return std::find(devices.begin(), devices.end(), each) == devices.end();
        });
    }

    /// Asked to go because of the configuration.
    bool is_leaving(const std::string& device) const { return leaving_.contains(device); }
    void let_go(const std::string& device) { leaving_.insert(device); }
    void has_gone(const std::string& device) { leaving_.erase(device); }

    /// Everything is to be looked at anew. round() counts these times.
    void begin_round(const std::vector<std::string>& devices) {
        ++round_;
        failures_.clear();
        due_ = {devices.begin(), devices.end()};
    }
    std::uint64_t round() const { return round_; }

    /// One at a time works on that: false while somebody does.
    bool begin_settling() { return !std::exchange(settling_, true); }
    void end_settling() { settling_ = false; }
    bool settling() const { return settling_; }

  private:
    std::map<std::string, std::string> failures_;
    std::set<std::string> due_;
    std::set<std::string> leaving_;
    std::uint64_t round_ = 0;
    bool settling_ = false;
};

}  // namespace ivshmemd
