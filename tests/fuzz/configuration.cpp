#include "daemon/config/config.h"
#include "daemon/config/file.h"
#include "tests/fuzz/input.h"

namespace ivshmemd::test {

/// A file is taken whole or refused with the place.
FUZZ_TARGET(configuration) {
    Config config;
    const Result<void> read = read_config_text(input, config);
    if (!read) {
        require(!read.error().message.empty());
        return;
    }
    for (const VmConfig& vm : config.vms) require(!vm.name.empty() && !vm.qmp_socket.empty());
    require(config.connections_per_user > 0 && config.reserve_percent <= 100);
}

}  // namespace ivshmemd::test
