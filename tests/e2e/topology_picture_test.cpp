#include <cstdlib>
#include <fstream>
#include <iterator>

#include "tests/e2e/hotplug_test.h"
#include "tests/support/doorbell_server.h"

// The picture of a topology in the documentation is one of real machines: what is drawn there is
// what the program prints for them. After an intended change IVSHMEMD_UPDATE_GOLDEN=1 in the
// environment writes it anew; review the difference.

namespace ivshmemd::test {
namespace {

const std::string recorded = IVSHMEMD_SOURCE_DIR "/systemd/doc/topology";

std::string content_of(const std::string& path) {
    std::ifstream file(path);
    return {std::istreambuf_iterator<char>(file), {}};
}

class TopologyPicture : public HotplugTest {
  protected:
    // As on a host: without the places of this test.
    std::string as_installed(std::string text) const {
        for (const auto& [from, to] :
             {std::pair(bell_.socket().string(), "/run/ivshmem-doorbell/bell.sock"),
              std::pair(regions_.path().string(), "/dev/shm")}) {
            for (auto at = text.find(from); at != std::string::npos; at = text.find(from)) {
                text.replace(at, from.size(), to);
            }
        }
        return text;
    }
    std::string as_here(std::string text) const {
        const std::string installed = "/run/ivshmem-doorbell/bell.sock";
        return text.replace(text.find(installed), installed.size(), bell_.socket());
    }

    DoorbellServer bell_{{"--size", "64K", "--vectors", "2"}};
};

TEST_F(TopologyPicture, IsOfRealMachines) {
    const QemuVm web(dir_.path(), {.name = "web"});
    const QemuVm db(dir_.path(), {.name = "db"});
    const QemuVm cache(dir_.path(), {.name = "cache"});
    start_daemon({&web, &db, &cache});
    const std::string file = dir_.path() / "topology.toml";
    std::ofstream(file) << as_here(content_of(recorded + ".toml"));
    expect_ctl_success(*daemon_, {"apply", file});
    const std::string drawn = as_installed(daemon_->ctl_text({"topology", "--dot"}).out);
    if (std::getenv("IVSHMEMD_UPDATE_GOLDEN")) {
        std::ofstream(recorded + ".dot") << drawn;
        std::ofstream(recorded + ".json")
            << as_installed(daemon_->ctl_text({"--json=pretty", "topology"}).out);
    }
    EXPECT_EQ(drawn, content_of(recorded + ".dot"));
}

}  // namespace
}  // namespace ivshmemd::test
