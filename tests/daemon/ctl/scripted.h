#pragma once

#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tests/daemon/ctl/fake_daemon.h"

namespace ivshmemd::ctl::test {

using nlohmann::json;

/// A daemon that answers each method always the same, on any number of connections.
struct Scripted {
    std::map<std::string, json> replies;
    std::vector<json> calls{};
    std::string hangs_up_once_at{};

    void operator()(Peer& peer) {
        for (std::string text = peer.read_message(); !text.empty(); text = peer.read_message()) {
            const json call = json::parse(text);
            const std::string method = call["method"];
            const std::string name = method.substr(method.rfind('.') + 1);
            if (name == hangs_up_once_at) {
                hangs_up_once_at.clear();
                return;
            }
            if (name != "GetInfo") calls.push_back(call);
            peer.send_message(replies.at(name).dump());
        }
    }

    std::vector<std::string> methods() const {
        std::vector<std::string> names;
        for (const json& call : calls) {
            const std::string method = call["method"];
            names.push_back(method.substr(method.rfind('.') + 1));
        }
        return names;
    }
};

/// One with these parameters.
inline json reply(const char* text) {
    return {{"parameters", json::parse(text)}};
}

/// As ListDevices tells of it.
inline json device(const std::string& name, const std::string& role, int slot) {
    return {{"name", name},
            {"role", role},
            {"model", "ivshmem_plain"},
            {"size", 1 << 20},
            {"region", name},
            {"bus", "pci.0"},
            {"slot", slot},
            {"origin", "managed"},
            {"state", "attached"},
            {"sharing", "shared"},
            {"blocksMigration", role == "peer"}};
}

}  // namespace ivshmemd::ctl::test
