#include "tests/fuzz/input.h"

namespace ivshmemd::test {

std::vector<FuzzTarget>& fuzz_targets() {
    static std::vector<FuzzTarget> targets;
    return targets;
}

std::vector<std::string_view> lines_of(std::string_view input) {
    std::vector<std::string_view> lines;
    while (!input.empty()) {
        const std::size_t end = input.find('\n');
        lines.push_back(input.substr(0, end));
        input.remove_prefix(end == std::string_view::npos ? input.size() : end + 1);
    }
    return lines;
}

}  // namespace ivshmemd::test
