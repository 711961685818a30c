#include "daemon/ctl/session.h"

#include <chrono>

#include "daemon/ctl/console.h"
#include "daemon/ctl/field.h"
#include "daemon/ctl/progress.h"
#include "proto/api/interface_text.h"

namespace ivshmemd::ctl {

using std::chrono::steady_clock;

namespace {

// A century, because adding the largest duration to the present would overflow.
constexpr std::chrono::hours no_deadline{24 * 365 * 100};

std::string qualified(std::string_view method) {
    return std::string(api::interface_name).append(".").append(method);
}

}  // namespace

Session::Session(Console& console, JsonMode json, Address address, Caller caller)
    : console_(console), json_(json), address_(std::move(address)), caller_(std::move(caller)) {}

Answer Session::call(std::string_view method, const json& parameters, const std::string& activity,
                     Wait wait) {
    const auto plain = json_ == JsonMode::off ? Progress::Plain::lines : Progress::Plain::nothing;
    Progress progress(console_, activity, steady_clock::now(), plain);
    wait.tick = [&progress] { progress.draw(steady_clock::now()); };
    if (wait.more) {
        wait.progress = [&progress](const json& reply) {
            const std::string text = text_field(find(reply, "progress"), "text");
            if (!text.empty()) progress.set_text(text);
            progress.draw(steady_clock::now());
        };
    }
    return call_other(qualified(method), parameters, wait);
}

Answer Session::watch(std::string_view method, const json& parameters,
                      std::function<void(const json&)> each) {
    Wait wait;
    wait.deadline = no_deadline;
    wait.more = true;
    wait.progress = std::move(each);
    return call_other(qualified(method), parameters, wait);
}

Answer Session::call_other(std::string_view method, const json& parameters, const Wait& wait) {
    Answer answer = caller_(address_, method, parameters, wait);
    if (answer.exit_code == exit_interrupted) clear_line(console_);
    return answer;
}

int Session::finish(const Answer& answer,
                    const std::function<void(const json&, Console&)>& render) {
    return print_answer(answer, json_, console_, render);
}

}  // namespace ivshmemd::ctl
