#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace ivshmemd::test {

/// Cuts a fuzzer's input into what recvmsg could return: a byte says how many bytes come next, at
/// most those wanted, and how many descriptors with them.
class FuzzInput {
  public:
    FuzzInput(const std::uint8_t* data, std::size_t size)
        : rest_(reinterpret_cast<const char*>(data), size) {}

    bool empty() const { return rest_.empty(); }

    struct Piece {
        std::string_view bytes;
        std::size_t descriptors = 0;
    };

    Piece next(std::size_t wanted) {
        const auto header = static_cast<std::uint8_t>(rest_.front());
        rest_.remove_prefix(1);
        const std::size_t length = 1 + header % 8;
        const Piece piece{rest_.substr(0, length < wanted ? length : wanted),
                          static_cast<std::size_t>(header / 8 % 4)};
        rest_.remove_prefix(piece.bytes.size());
        return piece;
    }

  private:
    std::string_view rest_;
};

inline void require(bool condition) {
    if (!condition) __builtin_trap();
}

}  // namespace ivshmemd::test
