#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace ivshmemd::test {

/// What a fuzzer feeds: never throws, and traps where something is not as it must be.
using FuzzFunction = void (*)(std::string_view input);

/// The targets of this program, by name: one where libFuzzer drives it, all in the one that runs
/// the seeds.
struct FuzzTarget {
    std::string name;
    FuzzFunction function;
};
std::vector<FuzzTarget>& fuzz_targets();

struct RegisterFuzzTarget {
    RegisterFuzzTarget(const char* name, FuzzFunction function) {
        fuzz_targets().push_back({name, function});
    }
};

/// `FUZZ_TARGET(name) { ... input ... }`, one in name.cpp; its seeds are in seeds/name.
#define FUZZ_TARGET(name)                                                                    \
    static void fuzz_##name(std::string_view input);                                         \
    static const ::ivshmemd::test::RegisterFuzzTarget registered_##name(#name, fuzz_##name); \
    static void fuzz_##name([[maybe_unused]] std::string_view input)

/// Cuts an input into what recvmsg could return: a byte says how many bytes come next, at most
/// those wanted, and how many descriptors with them.
class FuzzInput {
  public:
    explicit FuzzInput(std::string_view input) : rest_(input) {}

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

/// The lines of an input.
std::vector<std::string_view> lines_of(std::string_view input);

inline void require(bool condition) {
    if (!condition) __builtin_trap();
}

}  // namespace ivshmemd::test
