#include "tests/support/transcript.h"

#include <fstream>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "tests/support/json_text.h"

namespace ivshmemd::test {

using nlohmann::json;
using Messages = std::vector<json>;

struct Transcript::Answers {
    std::vector<Messages> recorded;
    size_t asked = 0;

    const Messages& next() { return recorded[std::min(asked++, recorded.size() - 1)]; }
};

namespace {

std::string key_of(const std::string& command, const json& arguments) {
    return command + " " + (arguments.empty() ? "{}" : arguments.dump());
}

Messages messages_of(const json& exchange) {
    Messages result = member(exchange, "recv");
    for (const json& event : member(exchange, "then")) result.push_back(event);
    return result;
}

}  // namespace

Transcript::Transcript(const std::filesystem::path& file) {
    std::ifstream lines(file);
    if (!lines) throw std::runtime_error("cannot read " + file.native());
    bool negotiated = false;
    for (std::string line; std::getline(lines, line);) {
        const json exchange = parse_json(line);
        const json send = member(exchange, "send");
        if (send.is_null()) greeting_.push_back(messages_of(exchange).at(0));
        const json command = member(send, "execute");
        if (!command.is_string()) continue;
        // What is answered before and during the negotiation is no use after it.
        if (command == "qmp_capabilities") negotiated = true;
        if (!negotiated || command == "qmp_capabilities") continue;
        const std::string name = command;
        exact_[key_of(name, member(send, "arguments"))].recorded.push_back(messages_of(exchange));
        by_name_[name].recorded.push_back(messages_of(exchange));
    }
    if (greeting_.empty()) throw std::runtime_error("no greeting in " + file.native());
}

Transcript::~Transcript() = default;
Transcript::Transcript(Transcript&&) noexcept = default;

std::optional<Messages> Transcript::next(const std::string& command, const json& arguments,
                                         bool any_arguments) {
    if (auto found = exact_.find(key_of(command, arguments)); found != exact_.end()) {
        return found->second.next();
    }
    auto found = by_name_.find(command);
    if (!any_arguments || found == by_name_.end()) return std::nullopt;
    return found->second.next();
}

}  // namespace ivshmemd::test
