#pragma once

#include <string>
#include <utility>

namespace ivshmemd::ctl {

/// Which daemon is asked: the one at a socket of this host, or the one of another host. Text is
/// the former; an address is never taken for the path of a socket.
struct Address {
    std::string socket;
    std::string host{};  // as parse_host has it; empty: this one

    Address(std::string path) : socket(std::move(path)) {}
    Address(const char* path) : socket(path) {}
    static Address on(std::string host) {
        Address address{std::string()};
        address.host = std::move(host);
        return address;
    }

    bool elsewhere() const { return !host.empty(); }
    /// The program with what it takes to ask that daemon again, for people.
    std::string program() const { return elsewhere() ? "ivshmemctl -H " + host : "ivshmemctl"; }
};

}  // namespace ivshmemd::ctl
