#pragma once

#include <string>

namespace ivshmemd {

/// What is known of a VM's migration at this moment.
struct MigrationState {
    std::string status;          // QEMU's word; empty while none was ever started
    bool ours = false;           // this daemon carries one out, from its first step to its last
    bool plugging_back = false;  // peers go back in after one that came to nothing
};

}  // namespace ivshmemd
