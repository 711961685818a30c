#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace ivshmemd::qmp {

/// The longest message taken from a QEMU, in bytes. The longest ordinary one is the QMP schema with
/// a quarter of a MiB; a reply listing a machine's objects grows with the machine, by some 80 bytes
/// each. What a QEMU may send bounds what it can cost the others: time to parse, and memory.
inline constexpr std::size_t max_frame_bytes = std::size_t{4} << 20;

/// Cuts QEMU's byte stream into its JSON objects. QMP has no message header, and a monitor started
/// with pretty=on spreads an object over many lines, so the braces decide. Only they are looked at:
/// whether a frame is valid JSON is for parse_message to say.
///
/// Use: feed() what was read, then next() until it gives nothing. Bytes are looked at once, however
/// they arrive. A fault is final: the place where the next message begins is lost.
class Framer {
  public:
    enum class Fault {
        none,
        overflow,    // a message is longer than the limit
        stray_byte,  // something other than an object or whitespace between two objects
    };

    explicit Framer(std::size_t limit = max_frame_bytes) : limit_(limit) {}

    /// Takes the next bytes of the stream. Ignored after a fault.
    void feed(std::string_view bytes);

    /// The next complete object, from its first brace to its last. Nothing: feed more, or fault().
    /// Objects before the faulty place still come out, in order.
    std::optional<std::string> next();

    Fault fault() const { return fault_; }

  private:
    bool skip_whitespace();
    bool scan_object();
    void look_at(char byte);
    std::string take_frame();

    std::size_t limit_;
    Fault fault_ = Fault::none;
    std::string buffer_;
    std::size_t begin_ = 0;    // of the current frame; what is before it has been handed out
    std::size_t scanned_ = 0;  // what is before it has been looked at
    std::size_t depth_ = 0;    // of open braces; 0: between two objects
    bool in_string_ = false;
    bool escaped_ = false;  // the previous byte was a backslash in a string
};

}  // namespace ivshmemd::qmp
