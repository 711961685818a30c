#include "tests/fuzz/input.h"

// What libFuzzer calls, in a program with one target.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view input(reinterpret_cast<const char*>(data), size);
    for (const auto& target : ivshmemd::test::fuzz_targets()) target.function(input);
    return 0;
}
