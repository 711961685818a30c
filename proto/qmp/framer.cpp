#include "proto/qmp/framer.h"

#include <algorithm>

namespace ivshmemd::qmp {
namespace {

// An idle session gives back a buffer larger than this: a daemon holds one for each VM, and to get
// another one takes less time than to read from a socket.
constexpr std::size_t kept_capacity = 256;

bool is_whitespace(char byte) {
    return byte == ' ' || byte == '\t' || byte == '\r' || byte == '\n';
}

}  // namespace

void Framer::feed(std::string_view bytes) {
    if (fault_ != Fault::none) return;
    // Moving the rest forward only once it is the smaller part keeps the whole linear.
    if (begin_ > buffer_.size() / 2) {
        buffer_.erase(0, begin_);
        scanned_ -= begin_;
        begin_ = 0;
    }
    buffer_.append(bytes);
}

std::optional<std::string> Framer::next() {
    if (fault_ != Fault::none) return std::nullopt;
    if (depth_ == 0 && !skip_whitespace()) return std::nullopt;
    if (!scan_object()) return std::nullopt;
    return take_frame();
}

/// Whether an object begins; begin_ is then its brace.
bool Framer::skip_whitespace() {
    while (scanned_ < buffer_.size() && is_whitespace(buffer_[scanned_])) ++scanned_;
    begin_ = scanned_;
    if (scanned_ == buffer_.size()) {
        buffer_.clear();
        begin_ = scanned_ = 0;
        if (buffer_.capacity() > kept_capacity) buffer_.shrink_to_fit();
        return false;
    }
    if (buffer_[begin_] == '{') return true;
    fault_ = Fault::stray_byte;
    return false;
}

/// Whether the object is complete; scanned_ is then behind it.
bool Framer::scan_object() {
    const std::size_t available = buffer_.size() - begin_;
    const std::size_t end = begin_ + std::min(available, limit_);
    while (scanned_ < end) {
        look_at(buffer_[scanned_++]);
        if (depth_ == 0) return true;
    }
    if (available > limit_) fault_ = Fault::overflow;
    return false;
}

void Framer::look_at(char byte) {
    if (escaped_) {
        escaped_ = false;
    } else if (in_string_) {
        if (byte == '\\') escaped_ = true;
        if (byte == '"') in_string_ = false;
    } else if (byte == '"') {
        in_string_ = true;
    } else if (byte == '{') {
        ++depth_;
    } else if (byte == '}') {
        --depth_;
    }
}

std::string Framer::take_frame() {
    std::string frame = buffer_.substr(begin_, scanned_ - begin_);
    begin_ = scanned_;
    return frame;
}

}  // namespace ivshmemd::qmp
