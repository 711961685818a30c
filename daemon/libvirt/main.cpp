#include <exception>
#include <iostream>

#include "daemon/libvirt/options.h"
#include "daemon/libvirt/run.h"

int main(int argc, char** argv) {
    try {
        const auto options = ivshmemd::libvirt::read_options(argc, argv);
        if (!options) {
            std::cerr << "ivshmemd-libvirt: " << options.error().message << "\n";
            return 2;
        }
        return ivshmemd::libvirt::run_bridge(*options);
    } catch (const std::exception& error) {
        std::cerr << "ivshmemd-libvirt: unexpected: " << error.what() << "\n";
        return 1;
    }
}
