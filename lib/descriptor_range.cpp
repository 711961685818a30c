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

std::vector<int> from_to(int first, int last) {
    std::vector<int> numbers;
    for (int number = first; number <= last; ++number) numbers.push_back(number);
    return numbers;
}

}  // namespace

DescriptorRange range_taken(const std::vector<int>& expected, bool held,
                            const std::vector<int>& free, std::size_t count) {
    const std::vector<int> beyond = from_to(expected.back() + 1, free.back());
    const std::vector<int>& next = held ? beyond : expected;
    std::vector<int> taken = without(next, free);
    const bool exact = taken.size() == count && (held || taken.size() < next.size());
    if (exact && !taken.empty() && taken.front() == next.front()) {
        return {taken.front(), taken.back() + 1};
    }
    const std::vector<int> further = without(beyond, free);
    taken.insert(taken.end(), further.begin(), further.end());
    const int highest = taken.empty() ? std::max(expected.back(), free.back()) : taken.back();
    return {0, highest + 1};
}

}  // namespace ivshmemd
