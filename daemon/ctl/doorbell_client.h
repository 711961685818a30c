#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "daemon/base/unique_fd.h"
#include "daemon/ctl/answer.h"
#include "proto/doorbell/message_reader.h"
#include "proto/doorbell/vector_count.h"

namespace ivshmemd::ctl {

/// A peer of a doorbell server, as any program of the host can be one. It has no use for the
/// memory. Whatever the server sends is looked at before it is used, and every wait ends by a
/// deadline or by the user's interrupt.
class DoorbellClient {
  public:
    struct Bell {
        std::uint16_t peer = 0;
        std::uint32_t vector = 0;
    };
    /// Takes how often an own vector was rung.
    using Rung = std::function<void(std::uint32_t vector, std::uint64_t times)>;

    /// `interrupt` is not owned; -1 for none.
    DoorbellClient(std::string server, int interrupt)
        : server_(std::move(server)), interrupt_(interrupt) {}

    /// Joins, and hears which peers there are. Only what rings `bell` is kept of what they have.
    Answer join(std::optional<Bell> bell);

    std::uint16_t id() const { return id_; }
    std::uint32_t vectors() const { return count_->own(); }
    /// Vectors of the others, by id.
    const std::map<std::uint16_t, std::uint32_t>& others() const { return count_->others(); }

    /// Rings the bell.
    Answer ring();

    /// Waits for rings until the user ends that; `server_ended` is called where the server does,
    /// which ends nothing: those who know this peer go on ringing it.
    Answer wait(const Rung& rung, const std::function<void()>& server_ended);

  private:
    using Time = doorbell::VectorCount::Time;
    enum class Woken { readable, late, interrupted };
    enum class Heard { something, nothing, wrong };

    Woken wait_readable(Time until) const;
    std::string shake_hands(Time deadline);
    std::string hear_peers(Time deadline);
    Heard hear();
    std::string take(const doorbell::Notice& notice, UniqueFd fd);
    Answer unusable(const std::string& reason) const;
    Answer no_such_bell() const;

    std::string server_;
    int interrupt_;
    bool interrupted_ = false;
    UniqueFd socket_;
    std::uint16_t id_ = 0;
    std::optional<doorbell::VectorCount> count_;
    std::optional<doorbell::MessageReader> reader_;
    std::optional<Bell> bell_;
    UniqueFd target_;
    std::vector<UniqueFd> own_;
    UniqueFd partial_;  // came with the first part of a message
    std::string problem_;
};

}  // namespace ivshmemd::ctl
