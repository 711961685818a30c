#include "proto/varlink/framing.h"

namespace ivshmemd::varlink {

namespace {

// What is left of `text` behind blanks and this word; nothing when it does not begin so.
std::optional<std::string_view> behind(std::optional<std::string_view> text,
                                       std::string_view word) {
    if (!text) return std::nullopt;
    const std::size_t begin = text->find_first_not_of(" \t\r\n");
    if (begin == std::string_view::npos) return std::nullopt;
    text->remove_prefix(begin);
    if (!text->starts_with(word)) return std::nullopt;
    text->remove_prefix(word.size());
    return text;
}

bool begins_with_method(std::string_view message, const std::string& method) {
    std::optional<std::string_view> rest(message);
    for (const std::string_view word : {"{", "\"method\"", ":", "\""}) rest = behind(rest, word);
    return rest && rest->starts_with(method + "\"");
}

}  // namespace

std::size_t Framer::limit_of_this() const {
    if (long_method_.empty()) return limit_;
    const std::string_view message = std::string_view(buffer_).substr(consumed_);
    return begins_with_method(message, long_method_) ? long_limit_ : limit_;
}

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
    const bool is_long = reached - consumed_ > limit_;
    if (is_long && reached - consumed_ > limit_of_this()) give_up();
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
