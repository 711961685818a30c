
#include <exception>
#include <iostream>

#include "daemon/config/config.h"
#include "daemon/config/unit.h"
#include "daemon/run.h"

namespace {

// A configuration can be right, and the service's unit not yet made for it.
int report_check(const ivshmemd::Config& config) {
    for (const std::string& warning : ivshmemd::warn_of_places(config, ivshmemd::read_unit())) {
        std::cerr << "ivshmemd: warning: " << warning << "\n";
    }
    return 0;
}

}  // namespace

int main(int argc, char** argv) {
    try {
        const auto read = [argc, argv] { return ivshmemd::read_config(argc, argv); };
        const ivshmemd::Result<ivshmemd::Config> config = read();
        if (!config) {
            std::cerr << "ivshmemd: " << config.error().message << "\n";
            return 2;
        }
        if (config->check_only) return report_check(*config);
        return ivshmemd::run_daemon(*config, read);
    } catch (const std::exception& error) {
        std::cerr << "ivshmemd: unexpected: " << error.what() << "\n";
        return 1;
    }
}
