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
    /// Of a success that is none in full: whether it says so, and what it says is so.
    std::function<bool(Scene&)> is_partly{};
    /// How many times rarer its cells have their turn: what it does others do, too.
    std::size_t rarity = 1;
};

const std::vector<Story>& all_stories();

/// Those of holds, and of changes to several devices of which all take effect or none.
std::vector<Story> hold_stories();
std::vector<Story> transaction_stories();

/// Of a failed transaction.
bool says_undone(Scene& scene);

/// A peer of 1 MiB with a region of its own.
DeviceRequest plain_request(const std::string& name);

/// How a failing test names it.
inline void PrintTo(const Story& story, std::ostream* out) {
    *out << story.name;
}

}  // namespace ivshmemd::test
