
#include <exception>
#include <iostream>

#include "daemon/config/config.h"
#include "daemon/run.h"

int main(int argc, char** argv) {
    try {
        const auto read = [argc, argv] { return ivshmemd::read_config(argc, argv); };
        const ivshmemd::Result<ivshmemd::Config> config = read();
        if (!config) {
            std::cerr << "ivshmemd: " << config.error().message << "\n";
            return 2;
        }
        if (config->check_only) return 0;
        return ivshmemd::run_daemon(*config, read);
    } catch (const std::exception& error) {
        std::cerr << "ivshmemd: unexpected: " << error.what() << "\n";
        return 1;
    }
}
