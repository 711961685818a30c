#pragma once

#include <cstdint>
#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "tests/support/file_descriptor.h"

namespace ivshmemd::bench {

/// What does by hand to many machines, all at once, what a transaction does: one thread, a monitor
/// of each machine, and no machine waits for another.
class ByHand {
  public:
    /// Names of QMP sockets, one for each machine.
    explicit ByHand(const std::vector<std::filesystem::path>& monitors);

    /// One command for each machine, and when a machine has answered that, those that follow.
    struct Script {
        nlohmann::json first;
        std::vector<nlohmann::json> then;
    };
    /// Until all have answered. Throws when one of them refuses.
    void run(const std::vector<Script>& scripts);

  private:
    struct Monitor {
        test::FileDescriptor fd;
        std::string unread{};
        std::size_t missing = 0;  // answers
        bool began_rest = false;
    };

    static void send(Monitor& monitor, const std::string& text, std::size_t answers);
    /// Takes what has come.
    static void receive(Monitor& monitor);
    bool wait();

    std::vector<Monitor> monitors_;
};

}  // namespace ivshmemd::bench
