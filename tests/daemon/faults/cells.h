#pragma once

#include <string>
#include <vector>

#include "tests/daemon/faults/fault.h"
#include "tests/daemon/faults/story.h"

namespace ivshmemd::test {

/// One fault at one exchange of a story.
struct Cell {
    const Story* story = nullptr;
    std::size_t number = 0;  // of the exchange, from the story's beginning
    std::string command;
    std::size_t which = 0;  // of that command: what happens at once has no order
    const Fault* fault = nullptr;

    std::string name() const {
        return story->name + "/" + std::to_string(number) + ":" + command + "/" + fault->name;
    }
};

/// What a story's exchanges make: every fault at every one of them, but for what cells.cpp leaves
/// out, and says why, and of the others those whose turn it is in this run. With
/// IVSHMEMD_FAULT_CELL=attach/3: all whose name begins so; with IVSHMEMD_EXHAUSTIVE set: all, also
/// those that others stand for.
std::vector<Cell> cells_of(const Story& story, const std::vector<std::string>& exchanges);

}  // namespace ivshmemd::test
