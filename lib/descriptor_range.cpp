#include "lib/descriptor_range.h"

#include <algorithm>
#include <iterator>

namespace ivshmemd {
namespace {

std::vector<int> without(const std::vector<int>& numbers, const std::vector<int>& others) {
    std::vector<int> rest;
    std::set_difference(numbers.begin(), numbers.end(), others.begin(), others.end(),
                        std::back_inserter(rest));
    return rest;
}

}  // namespace

DescriptorRange range_taken(const std::vector<int>& expected, const std::vector<int>& free,
                            std::size_t count) {
    std::vector<int> taken = without(expected, free);
    if (taken.empty() || taken.size() == expected.size()) {
        std::vector<int> beyond;
        for (int number = expected.back() + 1; number <= free.back(); ++number) {
            beyond.push_back(number);
        }
        taken = without(beyond, free);
    }
    if (taken.empty()) return {0, std::max(expected.back(), free.back()) + 1};
    const bool exact = taken.size() == count;
    return {exact ? taken.front() : 0, taken.back() + 1};
}

}  // namespace ivshmemd
