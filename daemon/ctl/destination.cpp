#include "daemon/ctl/destination.h"

#include <nlohmann/json.hpp>

#include "daemon/ctl/field.h"

namespace ivshmemd::ctl {
namespace {

// Each device may take as long as an attach, after the VM was waited for.
constexpr std::chrono::minutes longest_replug_there{30};

bool is_lost(const Answer& answer) {
    return answer.error == "DaemonUnreachable" || answer.error == "HostUnreachable";
}

}  // namespace

Destination::Destination(Session& here, const std::string& host) : Destination(here, host, -1) {
    own_ = std::make_unique<Interrupt>();
    interrupt_ = own_->descriptor();
    line_ = std::make_unique<Line>(there_.address(), interrupt_);
}

Destination::Destination(Session& here, const std::string& host, int interrupt)
    : here_(here),
      interrupt_(interrupt),
      line_(std::make_unique<Line>(Address::on(host), interrupt_)),
      there_(here.console(), here.json_mode(), Address::on(host),
             [this](const Address&, std::string_view method, const json& parameters,
                    const Wait& wait) { return line_->call(method, parameters, wait); }) {}

Answer Destination::check(const Move& move) {
    return check_move(here_, there_, move);
}

// That the daemon here still remembers it, being older, or on its way out, does no harm.
Answer Destination::replug(const json& plan) {
    Answer answer = plug_in(plan);
    if (!answer) return answer;
    json request = {{"vm", text_field(&plan, "vm")}};
    const std::string uuid = text_field(&plan, "uuid");
    if (!uuid.empty()) request["uuid"] = uuid;
    here_.call("Forget", request, "finishing");
    return answer;
}

// A connection that was idle for a long migration may be gone without anybody's having noticed. To
// ask twice does no harm: what is there already counts as plugged in.
Answer Destination::plug_in(const json& plan) {
    const std::string vm = text_field(&plan, "vm");
    Wait wait;
    wait.changes_something = true;
    wait.deadline = longest_replug_there;
    const json request = {{"vm", vm}, {"devices", list_field(plan, "devices")}};
    const std::string activity = "plugging devices in to " + vm + " on " + host();
    Answer answer = there_.call("Replug", request, activity, wait);
    if (!is_lost(answer)) return answer;
    line_ = std::make_unique<Line>(there_.address(), interrupt_);
    return there_.call("Replug", request, activity, wait);
}

}  // namespace ivshmemd::ctl
