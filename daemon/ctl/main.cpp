#include <cstdlib>
#include <exception>
#include <iostream>
#include <nlohmann/json_fwd.hpp>

#include "daemon/ctl/client.h"
#include "daemon/ctl/console.h"
#include "daemon/ctl/interrupt.h"
#include "daemon/ctl/run.h"

namespace {

using namespace ivshmemd;

ctl::Answer call_interruptibly(const ctl::Address& address, std::string_view method,
                               const json& parameters, const ctl::Wait& wait) {
    const ctl::Interrupt interrupt;
    ctl::Wait interruptible = wait;
    interruptible.interrupt = interrupt.descriptor();
    return ctl::call_daemon(address, method, parameters, interruptible);
}

std::string socket_path() {
    const char* path = std::getenv("IVSHMEMD_SOCKET");
    return path != nullptr && *path != '\0' ? path : ctl::default_socket_path;
}

int run(int argc, char** argv) {
    ctl::Console console = ctl::standard_console();
    const int code = ctl::run({argv + 1, argv + argc}, socket_path(), console, call_interruptibly);
    if (console.out.flush()) return code;
    ctl::print_message("cannot write the output", console);
    return ctl::exit_failure;
}

}  // namespace

int main(int argc, char** argv) try {
    std::ios::sync_with_stdio(false);
    return run(argc, argv);
} catch (const std::exception& error) {
    std::cerr << "ivshmemctl: " << error.what() << '\n';
    return ctl::exit_failure;
}
