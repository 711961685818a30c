#pragma once

#include <chrono>
#include <cstdint>
#include <map>

#include "proto/doorbell/message_reader.h"

namespace ivshmemd::doorbell {

/// How many vectors a doorbell server gives to a client that does not ask for a number, and which
/// peers it has. No message ends them, so a pause has to. It is short after a server that was quick
/// so far, such as those that send all they have to say in one go. One that takes its time, or has
/// yet given fewer than each of the earlier peers has, is waited for ten times as long.
class VectorCount {
  public:
    using Time = std::chrono::steady_clock::time_point;
    using Duration = std::chrono::steady_clock::duration;

    VectorCount(Time connected, Duration pause) : last_heard_(connected), pause_(pause) {}

    /// Something of the server's was read.
    void heard(Time now);
    /// It was a whole message after the greeting.
    void take(const Notice& notice, Time now);

    std::uint32_t own() const { return own_; }
    /// Vectors of each other peer, by id.
    const std::map<std::uint16_t, std::uint32_t>& others() const { return others_; }
    /// When all have been told of unless another comes first; never before the first of our own.
    Time complete_at() const;

  private:
    bool has_fewer_than_others() const;

    Time last_heard_;
    Time last_own_;
    Duration longest_gap_{0};
    Duration pause_;
    std::uint32_t own_ = 0;
    std::map<std::uint16_t, std::uint32_t> others_;
};

}  // namespace ivshmemd::doorbell
