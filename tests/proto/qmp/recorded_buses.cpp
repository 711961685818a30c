#include "tests/proto/qmp/recorded_buses.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <stdexcept>

namespace ivshmemd::test {
namespace {

using qmp::Command;

constexpr std::string_view header_start = "{\"topology\":";

std::filesystem::path folder() {
    return std::filesystem::path(IVSHMEMD_TRANSCRIPTS_DIR) / "buses";
}

std::ifstream open_recording(const std::string& version) {
    std::ifstream file(folder() / (version + ".jsonl"));
    if (!file) throw std::runtime_error("no recording of the buses of QEMU " + version);
    return file;
}

std::string key_of(const Command& question) {
    return question.name + " " + question.arguments;
}

Document share(json value) {
    return std::make_shared<const json>(std::move(value));
}

Document error(const char* kind, const std::string& description) {
    return share({{"error", {{"class", kind}, {"desc", description}}}});
}

std::string child_type(const json& entry) {
    const std::string type = entry.at("type").get<std::string>();
    constexpr std::string_view start = "child<";
    if (!type.starts_with(start)) return "";
    return type.substr(start.size(), type.size() - start.size() - 1);
}

}  // namespace

bool BusTruth::in_use() const {
    return description.find(", in use by ") != std::string::npos;
}

RecordedBuses::RecordedBuses(const std::string& version, const std::string& topology)
    : name_(version + " " + topology) {
    std::ifstream file = open_recording(version);
    bool wanted = false;
    bool found = false;
    for (std::string text; std::getline(file, text);) {
        const bool header = text.starts_with(header_start);
        if (!header && !wanted) continue;  // parsing takes long
        const json line = json::parse(text);
        if (header) {
            wanted = line.at("topology") == topology;
            found = found || wanted;
            if (wanted) read_header(line);
        } else if (line.contains("truth")) {
            read_truth(line);
        } else {
            read_exchange(line);
        }
    }
    if (!found) throw std::runtime_error("no recording of " + name_);
}

void RecordedBuses::read_header(const json& line) {
    if (line.contains("refused")) refused_ = line.at("refused").get<std::string>();
}

void RecordedBuses::read_truth(const json& line) {
    BusTruth truth;
    truth.path = line.at("truth").get<std::string>();
    truth.name = line.at("name").get<std::string>();
    truth.accepted = line.at("reply").contains("return");
    if (truth.accepted) truth.landed = line.at("parent_bus").get<std::string>();
    if (!truth.accepted) {
        truth.description = line.at("reply").at("error").at("desc").get<std::string>();
    }
    truths_.push_back(std::move(truth));
}

void RecordedBuses::read_exchange(const json& line) {
    const json& sent = line.at("send");
    const json arguments = sent.value("arguments", json());
    const Command question(sent.at("execute").get<std::string>(), arguments);
    replies_[key_of(question)] = share(line.at("recv"));
    if (question.name == "qom-list") read_listing(arguments.at("path").get<std::string>(), line);
}

void RecordedBuses::read_listing(const std::string& path, const json& line) {
    Listing& listing = listings_[path];
    listing.partial = line.contains("partial");
    for (const json& entry : line.at("recv").at("return")) {
        const std::string name = entry.at("name").get<std::string>();
        listing.names.insert(name);
        if (std::string type = child_type(entry); !type.empty()) {
            types_[path + "/" + name] = std::move(type);
        }
    }
}

const json* RecordedBuses::reply(const Command& question) const {
    const std::string key = key_of(question);
    if (const auto found = replies_.find(key); found != replies_.end()) return found->second.get();
    if (const Document absent = absence(question)) {
        return absences_.try_emplace(key, absent).first->second.get();
    }
    ADD_FAILURE() << "not in the recording of " << name_ << ": " << key;
    return nullptr;
}

const json* RecordedBuses::answer(const Command& question) const {
    const json* whole = reply(question);
    return whole ? find(whole, "return") : nullptr;
}

const BusTruth& RecordedBuses::truth(std::string_view path) const {
    const auto found = std::find_if(truths_.begin(), truths_.end(), [&](const BusTruth& each) {
        return each.path == path;
    });  // names come first
    if (found == truths_.end()) throw std::runtime_error(name_ + " has no " + std::string(path));
    return *found;
}

// What QEMU says of an object or a property that is not there, as its listings tell; else null.
Document RecordedBuses::absence(const Command& question) const {
    if (question.name != "qom-get" && question.name != "qom-list") return nullptr;
    const json arguments = json::parse(question.arguments);
    const std::string path = arguments.at("path").get<std::string>();
    const auto listing = listings_.find(path);
    if (listing == listings_.end()) {
        if (!has_no_object(path)) return nullptr;
        return error("DeviceNotFound", "Device '" + path + "' not found");
    }
    const std::string property = arguments.at("property").get<std::string>();
    const auto type = types_.find(path);
    const bool here = listing->second.partial || listing->second.names.contains(property);
    if (here || type == types_.end()) return nullptr;
    return error("GenericError", "Property '" + type->second + "." + property + "' not found");
}

// Whether the nearest listing above lacks it.
bool RecordedBuses::has_no_object(std::string path) const {
    for (auto slash = path.rfind('/'); slash != 0 && slash != std::string::npos;
         slash = path.rfind('/')) {
        const std::string name = path.substr(slash + 1);
        path.resize(slash);
        const auto listing = listings_.find(path);
        if (listing != listings_.end()) return !listing->second.names.contains(name);
    }
    return false;
}

std::vector<std::string> versions_with_recorded_buses() {
    std::vector<std::string> versions;
    for (const auto& entry : std::filesystem::directory_iterator(folder())) {
        if (entry.path().extension() == ".jsonl") versions.push_back(entry.path().stem().string());
    }
    std::sort(versions.begin(), versions.end());
    return versions;
}

std::vector<std::string> recorded_topologies(const std::string& version) {
    std::vector<std::string> names;
    std::ifstream file = open_recording(version);
    for (std::string text; std::getline(file, text);) {
        if (!text.starts_with(header_start)) continue;
        names.push_back(json::parse(text).at("topology").get<std::string>());
    }
    return names;
}

}  // namespace ivshmemd::test
