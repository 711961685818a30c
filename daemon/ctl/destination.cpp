#include "daemon/ctl/destination.h"

#include <nlohmann/json.hpp>

#include "daemon/ctl/field.h"
#include "daemon/ctl/move_check.h"

namespace ivshmemd::ctl {
namespace {

// Each device may take as long as an attach, after the VM was waited for.
constexpr std::chrono::minutes longest_replug_there{30};

bool is_lost(const Answer& answer) {
    return answer.error == "DaemonUnreachable" || answer.error == "HostUnreachable";
}

}  // namespace

Destination::Destination(Session& here, const std::string& host)
    : here_(here),
      line_(std::make_unique<Line>(Address::on(host), interrupt_.descriptor())),
      there_(here.console(), here.json_mode(), Address::on(host),
             [this](const Address&, std::string_view method, const json& parameters,
                    const Wait& wait) { return line_->call(method, parameters, wait); }) {}

Answer Destination::check(const json& migrate) {
    return check_move(here_, there_, migrate);
}

// A connection that was idle for a long migration may be gone without anybody's having noticed. To
// ask twice does no harm: what is there already counts as plugged in.
Answer Destination::replug(const std::string& vm, const json& devices) {
    Wait wait;
    wait.changes_something = true;
    wait.deadline = longest_replug_there;
    const json request = {{"vm", vm}, {"devices", devices}};
    const std::string activity = "plugging devices in to " + vm + " on " + host();
    Answer answer = there_.call("Replug", request, activity, wait);
    if (!is_lost(answer)) return answer;
    line_ = std::make_unique<Line>(there_.address(), interrupt_.descriptor());
    return there_.call("Replug", request, activity, wait);
}

}  // namespace ivshmemd::ctl
