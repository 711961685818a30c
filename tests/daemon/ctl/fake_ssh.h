#pragma once

#include <sys/stat.h>

#include <fstream>
#include <iterator>
#include <memory>
#include <string>

#include "tests/daemon/ctl/fake_daemon.h"
#include "tests/support/process.h"
#include "tests/support/temp_dir.h"
#include "tests/support/variable.h"

namespace ivshmemd::ctl::test {

/// A program in the place of ssh, of one line for a shell, as long as this lives.
class FakeSsh {
  public:
    /// Runs our bridge, as if on the other host.
    static constexpr const char* bridge =
        "[ \"$*\" = \"${*% ivshmemctl bridge} ivshmemctl bridge\" ] && "
        "exec \"$PROGRAM\" --socket \"$THERE\" bridge";
    static std::string program() { return IVSHMEMD_BIN_DIR "/ivshmemctl"; }

    explicit FakeSsh(const std::string& line) {
        const std::string path = directory_ / "ssh";
        std::ofstream(path) << "#!/bin/sh\necho \"$@\" >>'" << words_path() << "'\n"
                            << "PROGRAM='" << program() << "'\n"
                            << line << "\n";
        chmod(path.c_str(), 0700);
        variable_ = std::make_unique<ivshmemd::test::Variable>("IVSHMEMCTL_SSH", path);
    }

    /// The socket of the daemon on the other host.
    void there(const std::string& socket) {
        there_ = std::make_unique<ivshmemd::test::Variable>("THERE", socket);
    }

    /// What it was called with, a line each time.
    std::string words() const {
        std::ifstream file(words_path());
        return {std::istreambuf_iterator<char>(file), {}};
    }

  private:
    std::string words_path() const { return directory_ / "words"; }

    ivshmemd::test::TempDir directory_;
    std::unique_ptr<ivshmemd::test::Variable> variable_;
    std::unique_ptr<ivshmemd::test::Variable> there_;
};

/// Introduces itself as an ivshmemd, and then has one answer; with none it closes the connection.
inline FakeDaemon::Script greeting_first(const std::string& answer) {
    return [answer](Peer& peer) {
        peer.read_message();
        peer.send_message(R"({"parameters":{"product":"ivshmemd","version":"1",
                              "interfaces":["io.ivshmemd.Hotplug"]}})");
        peer.read_message();
        if (answer.empty()) return;
        peer.send_message(answer);
        peer.wait_for_close();
    };
}

}  // namespace ivshmemd::ctl::test
