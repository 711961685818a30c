#pragma once

#include <ostream>
#include <string>
#include <vector>

#include "tests/daemon/faults/scene.h"

namespace ivshmemd::test {

/// An operation that the matrix runs with every fault at every exchange.
struct Story {
    std::string name;
    /// Before anything fails: what has to be there.
    std::function<void(Scene&)> prepare;
    std::function<void(Scene&)> begin;
    /// Whether all is as it is to be after it; and as it was before.
    std::function<bool(Scene&)> is_done;
    std::function<bool(Scene&)> is_undone;
    /// After a success nothing is left to be repeated.
    bool once = false;
    /// What it is about goes with the QEMU.
    bool of_this_qemu = false;
};

const std::vector<Story>& all_stories();

/// How a failing test names it.
inline void PrintTo(const Story& story, std::ostream* out) {
    *out << story.name;
}

}  // namespace ivshmemd::test
