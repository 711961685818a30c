#pragma once

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>
#include <vector>

#include "lib/version.h"
#include "proto/json.h"

namespace ivshmemd::test {

/// A command that a real QEMU was sent, and what it answered.
struct Exchange {
    std::string step;
    json command;  // {"execute": ..., "arguments": ...}, as sent but for its id
    json value;    // of "return"; discarded when it was refused
    json error;    // discarded when it was not
};

inline const json& nothing() {
    static const json discarded(json::value_t::discarded);
    return discarded;
}

/// One file of tests/transcripts as a sequence of exchanges.
class Recording {
  public:
    explicit Recording(const std::filesystem::path& file) : name_(file.stem().string()) {
        std::ifstream lines(file);
        for (std::string line; std::getline(lines, line);) read_line(json::parse(line));
        if (exchanges_.empty()) throw std::runtime_error("no recording in " + file.string());
    }

    const std::string& name() const { return name_; }
    const Version& version() const { return version_; }
    bool q35() const { return name_.ends_with("-q35"); }
    const std::vector<Exchange>& exchanges() const { return exchanges_; }

    /// The exchange of that step; throws when there is none.
    const Exchange& at(std::string_view step) const {
        for (const Exchange& each : exchanges_) {
            if (each.step == step) return each;
        }
        throw std::runtime_error(name_ + " has no step " + std::string(step));
    }

    bool has(std::string_view step) const {
        return std::any_of(exchanges_.begin(), exchanges_.end(),
                           [&](const Exchange& each) { return each.step == step; });
    }

  private:
    void read_line(const json& line) {
        for (const json& message : line.at("recv")) {
            if (message.contains("QMP")) read_version(message.at("QMP").at("version").at("qemu"));
            if (!message.contains("return") && !message.contains("error")) continue;
            json command = line.at("send");
            command.erase("id");
            exchanges_.push_back({line.at("step").get<std::string>(), std::move(command),
                                  message.value("return", nothing()),
                                  message.value("error", nothing())});
        }
    }

    void read_version(const json& version) {
        version_ = {version.at("major").get<int>(), version.at("minor").get<int>(),
                    version.at("micro").get<int>()};
    }

    std::string name_;
    Version version_;
    std::vector<Exchange> exchanges_;
};

/// The names of all recordings, such as "7.2-q35", in order.
inline std::vector<std::string> recording_names() {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(IVSHMEMD_TRANSCRIPTS_DIR)) {
        if (entry.path().extension() == ".jsonl") names.push_back(entry.path().stem().string());
    }
    std::sort(names.begin(), names.end());
    return names;
}

/// The recording of that name, read when it is first asked for.
inline const Recording& recording(const std::string& name) {
    static std::map<std::string, Recording> read;
    const auto found = read.find(name);
    if (found != read.end()) return found->second;
    const std::filesystem::path folder(IVSHMEMD_TRANSCRIPTS_DIR);
    return read.emplace(name, Recording(folder / (name + ".jsonl"))).first->second;
}

/// All of them, ordered by name.
inline std::vector<std::reference_wrapper<const Recording>> recordings() {
    std::vector<std::reference_wrapper<const Recording>> all;
    for (const std::string& name : recording_names()) all.emplace_back(recording(name));
    return all;
}

}  // namespace ivshmemd::test
