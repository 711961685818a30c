#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace ivshmemd::varlink {

/// Longest message taken from a client, in bytes and without its NUL. It bounds what one call can
/// cost: parsing 64 KiB of the worst JSON takes well below a tenth of a second.
inline constexpr std::size_t request_limit = 64 * 1024;

/// Longest call of a method that takes more, when it begins with the name of that method; see
/// Framer.
inline constexpr std::size_t long_request_limit = 4 * 1024 * 1024;

/// Cuts a byte stream into Varlink messages: each one JSON text followed by one NUL byte.
///
/// Feed what was read, then take messages until there is none, then read again; so at most one
/// message and one read are held. Work is linear in the bytes fed, however they are split.
class Framer {
  public:
    explicit Framer(std::size_t limit = request_limit) : limit_(limit) {}

    /// A message whose first member is "method" with this name may have `limit` bytes.
    void allow(std::string method, std::size_t limit) {
        long_method_ = std::move(method);
        long_limit_ = limit;
    }

    void feed(std::string_view bytes);

    /// The next whole message without its NUL. Nothing when more bytes are needed, and nothing ever
    /// again once a message was too long.
    std::optional<std::string> next();

    /// A message exceeded the limit. Those before it were delivered; the stream is lost.
    bool too_long() const { return too_long_; }

    /// Bytes of an unfinished message are held: at end of stream, the peer broke off inside it.
    bool has_partial() const { return too_long_ || consumed_ < buffer_.size(); }

  private:
    void give_up();
    std::size_t limit_of_this() const;

    std::size_t limit_;
    std::string long_method_;
    std::size_t long_limit_ = 0;
    std::string buffer_;
    std::size_t consumed_ = 0;  // bytes at the front that were delivered
    std::size_t scanned_ = 0;   // bytes at the front that hold no NUL, or were delivered
    bool too_long_ = false;
};

}  // namespace ivshmemd::varlink
