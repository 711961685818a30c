#include <CLI/CLI.hpp>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <stdexcept>

#include "daemon/ctl/arguments.h"
#include "daemon/ctl/command.h"
#include "daemon/ctl/console.h"
#include "daemon/ctl/field.h"
#include "daemon/ctl/render.h"

namespace ivshmemd::ctl {
namespace {

// What is out for clients, and so in no row: for people, beside the table.
void tell_holds(const json& reply, Console& console) {
    for (const json& hold : list_field(reply, "holds")) {
        const std::string devices = text_field(&hold, "devices");
        const std::string phase = text_field(&hold, "phase");
        std::string text =
            "VM " + text_field(&hold, "vm") + ": " + (devices.empty() ? "nothing" : devices) +
            (phase == "taking" ? " to be taken out: " : " out: ") + text_field(&hold, "text");
        const std::string mend = text_field(&hold, "mend");
        const std::string forget = text_field(&hold, "forget");
        if (!mend.empty()) text += "; '" + mend + "' plugs in again";
        if (!forget.empty()) text += (mend.empty() ? "; '" : ", '") + forget + "' gives up";
        print_message(text, console);
    }
}

void render_list(const json& reply, Console& console) {
    render_devices(reply, console);
    tell_holds(reply, console);
}

Answer ask(const json& request, Session& session) {
    return session.call("ListDevices", request, "listing devices");
}

// Ends the watch from within.
struct Enough {
    int exit_code;
};

// The list, anew whenever an event has changed it.
class ListWatch {
  public:
    ListWatch(const json& request, Session& session) : request_(request), session_(session) {}

    // The daemon says ready before anything can be missed, so that the first list is one of its
    // events' too.
    void show() {
        const Answer answer = ask(request_, session_);
        if (answer.exit_code == exit_interrupted) throw Enough{exit_ok};
        if (answer && shown_ == *answer.parameters) return;
        Console& console = session_.console();
        const bool as_json = session_.json_mode() != JsonMode::off;
        if (!shown_.is_null() && !as_json) console.out << (clears() ? "\x1b[H\x1b[2J" : "\n");
        const int code = session_.finish(answer, render_list);
        if (!answer) throw Enough{code};
        if (!console.out.flush()) throw std::runtime_error("cannot write the output");
        shown_ = *answer.parameters;
    }

  private:
    bool clears() const {
        return session_.console().out_is_terminal && session_.console().err_rewritable;
    }

    const json& request_;
    Session& session_;
    json shown_;  // null before the first
};

int watch_list(const json& request, Session& session) {
    ListWatch list(request, session);
    try {
        const Answer end =
            session.watch("Subscribe", request, [&list](const json&) { list.show(); });
        if (end.exit_code == exit_interrupted) return exit_ok;
        if (!end) return print_error(end, session.json_mode(), session.console());
        return exit_failure;
    } catch (const Enough& enough) {
        return enough.exit_code;
    }
}

}  // namespace

Runner declare_list(CLI::App& app) {
    const auto request = std::make_shared<json>(json::object());
    const auto watch = std::make_shared<bool>(false);
    add_text(app, "VM", *request, "vm", "Only the devices of this VM");
    app.add_flag("--watch", *watch, "List anew whenever something changes, until Ctrl-C");
    app.footer("Example: ivshmemctl list web");
    return [request, watch](Session& session) {
        if (*watch) return watch_list(*request, session);
        return session.finish(ask(*request, session), render_list);
    };
}

}  // namespace ivshmemd::ctl
