#pragma once

#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "daemon/ctl/console.h"
#include "daemon/ctl/run.h"

namespace ivshmemd::ctl::test {

/// A console whose output is kept.
struct Captured {
    std::ostringstream out;
    std::ostringstream err;
    Console console{.out = out, .err = err};
};

/// How a run of the program ended.
struct Outcome {
    int code = -1;
    std::string out;
    std::string err;
};

/// A caller that records what it is asked and gives one answer.
struct Recorder {
    Answer answer = success(nullptr);
    std::vector<json> replies_before;  // given to Wait::progress
    std::string socket_path;
    std::string host;
    std::string method;
    json parameters;
    Wait wait;
    int calls = 0;

    Caller caller() {
        return [this](const Address& address, std::string_view name, const json& asked,
                      const Wait& how) {
            ++calls;
            socket_path = address.socket;
            host = address.host;
            method = name;
            parameters = asked;
            wait = how;
            if (how.progress) {
                for (const json& reply : replies_before) how.progress(reply);
            }
            return answer;
        };
    }
};

inline Answer reply_of(const char* text) {
    return success(std::make_shared<const json>(json::parse(text)));
}

inline Outcome run_with(const std::vector<std::string>& arguments, const Caller& caller,
                        const std::string& socket_path = "/default.sock") {
    Captured captured;
    const int code = run(arguments, socket_path, captured.console, caller);
    return {code, captured.out.str(), captured.err.str()};
}

}  // namespace ivshmemd::ctl::test
