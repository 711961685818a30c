#include "tests/support/guest_console.h"

#include <stdexcept>

#include "tests/support/unix_socket.h"

namespace ivshmemd::test {

GuestConsole::GuestConsole(const std::filesystem::path& serial_socket, Deadline deadline)
    : fd_(connect_unix(serial_socket, deadline)) {}

void GuestConsole::wait_ready(Deadline deadline) {
    const std::string marker = "\nGUEST-READY\n";
    position_ = wait_for(marker, deadline) + marker.size();
}

GuestResult GuestConsole::run(const std::string& command, Deadline deadline) {
    const std::string number = std::to_string(++last_number_);
    send_all(fd_.get(), number + " " + command + "\n", deadline);
    const std::string marker = "\nEND " + number + " ";
    const size_t start = position_;
    const size_t end = wait_for(marker, deadline);
    position_ = end + marker.size();
    const size_t line_end = wait_for("\n", deadline);
    GuestResult result{std::stoi(log_.substr(position_, line_end - position_)),
                       log_.substr(start, end - start)};
    position_ = line_end + 1;
    return result;
}

const std::string& GuestConsole::log() {
    while (read_more(Deadline::after(std::chrono::milliseconds(0)))) {
    }
    return log_;
}

size_t GuestConsole::wait_for(const std::string& marker, Deadline deadline) {
    for (;;) {
        const size_t found = log_.find(marker, position_);
        if (found != std::string::npos) return found;
        if (!read_more(deadline)) {
            throw std::runtime_error("the guest did not say '" + marker +
                                     "'; it said: " + log_.substr(position_));
        }
    }
}

bool GuestConsole::read_more(Deadline deadline) {
    const auto received = receive(fd_.get(), deadline);
    if (!received || received->bytes.empty()) return false;
    log_ += received->bytes;
    return true;
}

}  // namespace ivshmemd::test
