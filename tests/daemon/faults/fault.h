#pragma once

#include <functional>
#include <ostream>
#include <string>
#include <vector>

#include "tests/support/fake_qemu.h"

namespace ivshmemd::test {

class Scene;

/// One way for an exchange with QEMU to go wrong, or for something to go wrong meanwhile.
struct Fault {
    std::string name;
    FakeQemu::Staging staging;
    /// What happens while the exchange is held, if it is.
    std::function<void(Scene&)> act = {};
    /// The operation is to succeed all the same.
    bool harmless = false;
};

const std::vector<Fault>& all_faults();

/// How a failing test names it.
inline void PrintTo(const Fault& fault, std::ostream* out) {
    *out << fault.name;
}

}  // namespace ivshmemd::test
