#include <exception>
#include <iostream>

#include "daemon/doorbell/options.h"
#include "daemon/doorbell/run.h"

int main(int argc, char** argv) {
    try {
        const auto options = ivshmemd::doorbell::read_options(argc, argv);
        if (!options) {
            std::cerr << "ivshmem-doorbell: " << options.error().message << "\n";
            return 2;
        }
        return ivshmemd::doorbell::run_server(*options);
    } catch (const std::exception& error) {
        std::cerr << "ivshmem-doorbell: unexpected: " << error.what() << "\n";
        return 1;
    }
}
