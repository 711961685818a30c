#include "daemon/ctl/session.h"

#include <chrono>

#include "daemon/ctl/console.h"
#include "daemon/ctl/field.h"
#include "daemon/ctl/progress.h"
#include "proto/api/interface_text.h"

namespace ivshmemd::ctl {

using std::chrono::steady_clock;

Session::Session(Console& console, JsonMode json, std::string socket_path, Caller caller)
    : console_(console),
      json_(json),
      socket_path_(std::move(socket_path)),
      caller_(std::move(caller)) {}

Answer Session::call(std::string_view method, const json& parameters, const std::string& activity,
                     Wait wait) {
    Progress progress(console_, activity, steady_clock::now());
    wait.tick = [&progress] { progress.draw(steady_clock::now()); };
    if (wait.more) {
        wait.progress = [&progress](const json& reply) {
            const std::string text = text_field(find(reply, "progress"), "text");
            if (!text.empty()) progress.set_text(text);
            progress.draw(steady_clock::now());
        };
    }
    std::string qualified(api::interface_name);
    qualified.append(".").append(method);
    return call_other(qualified, parameters, wait);
}

Answer Session::call_other(std::string_view method, const json& parameters, const Wait& wait) {
    return caller_(socket_path_, method, parameters, wait);
}

int Session::finish(const Answer& answer,
                    const std::function<void(const json&, Console&)>& render) {
    return print_answer(answer, json_, console_, render);
}

}  // namespace ivshmemd::ctl
