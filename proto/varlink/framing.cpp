#include "proto/varlink/framing.h"

namespace ivshmemd::varlink {

void Framer::feed(std::string_view bytes) {
    if (too_long_) return;
    buffer_.erase(0, consumed_);
    scanned_ -= consumed_;
    consumed_ = 0;
    buffer_ += bytes;
}

std::optional<std::string> Framer::next() {
    const std::size_t end = buffer_.find('\0', scanned_);
    const std::size_t reached = end == std::string::npos ? buffer_.size() : end;
    scanned_ = reached;
    if (reached - consumed_ > limit_) give_up();
    if (too_long_ || end == std::string::npos) return std::nullopt;
    std::string message = buffer_.substr(consumed_, end - consumed_);
    consumed_ = scanned_ = end + 1;
    return message;
}

void Framer::give_up() {
    too_long_ = true;
    buffer_ = {};
    consumed_ = scanned_ = 0;
}

}  // namespace ivshmemd::varlink
