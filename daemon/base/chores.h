#pragma once

#include <map>
#include <string>

namespace ivshmemd {

/// Work that can be asked for more often than it can be done, by name. However many ask, one run is
/// under way at a time, and one more follows for all who asked meanwhile.
///
/// Order: begin(); when it says so, a run, and another for as long as again() says so.
class Chores {
  public:
    /// Whether the caller is to do it. False: it is under way already, and will be done again.
    bool begin(const std::string& name) {
        const auto [entry, added] = asked_again_.emplace(name, false);
        if (!added) entry->second = true;
        return added;
    }

    /// After each run. False: that was the last.
    bool again(const std::string& name) {
        const auto entry = asked_again_.find(name);
        if (entry == asked_again_.end()) return false;
        if (entry->second) {
            entry->second = false;
            return true;
        }
        asked_again_.erase(entry);
        return false;
    }

    /// Nothing is under way any more.
    void clear() { asked_again_.clear(); }
    std::size_t size() const { return asked_again_.size(); }

  private:
    std::map<std::string, bool> asked_again_;
};

}  // namespace ivshmemd
