#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <memory>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "daemon/ctl/arguments.h"
#include "daemon/ctl/command.h"
#include "daemon/ctl/console.h"
#include "daemon/ctl/field.h"
#include "daemon/ctl/table.h"
#include "lib/time_of_day.h"

namespace ivshmemd::ctl {
namespace {

// In fewer columns nothing is to be read.
constexpr std::size_t narrowest_column = 24;

std::int64_t now_of_day() {
    using std::chrono::milliseconds;
    const auto time = std::chrono::system_clock::now().time_since_epoch();
    return std::chrono::duration_cast<milliseconds>(time).count();
}

constexpr std::size_t kind_width = sizeof "attachDoubtful" - 1;

Tone event_tone(std::string_view kind) {
    if (kind == "attached" || kind == "detached") return Tone::good;
    if (kind == "attaching" || kind == "detaching") return Tone::warn;
    if (kind == "vmState" || kind == "migration") return Tone::plain;
    return Tone::bad;
}

// "web/shm0  detail", as far as there is any of it.
std::string what_happened(const json& event) {
    const std::string device = text_field(&event, "device");
    const std::string detail = text_field(&event, "detail");
    std::string text = text_field(&event, "vm");
    if (!device.empty()) text += "/" + device;
    if (!detail.empty()) text += (text.empty() ? "" : "  ") + detail;
    return text;
}

// "2026-03-01T09:30:00.125Z  attached        web/shm0  detail"; on a terminal that is too narrow
// for that the end is wrapped in its column, or below the beginning.
void render_event(const json& event, Console& console) {
    const std::string kind = text_field(&event, "kind");
    const std::string time = printable(text_field(&event, "time"));
    const std::string what = what_happened(event);
    console.out << time << "  ";
    print_toned(console, {kind, event_tone(kind)});
    if (what.empty()) {
        console.out << '\n';
        return;
    }
    const std::size_t column = text_width(time) + kind_width + 4;
    if (console.out_width != 0 && console.out_width < column + narrowest_column) {
        console.out << "\n    ";
        print_hanging(console, {""}, what, 4);
        return;
    }
    console.out << std::string(kind_width - std::min(kind_width, text_width(kind)), ' ') << "  ";
    print_hanging(console, {""}, what, column);
}

// What came of the subscription so far.
struct Watch {
    bool ready = false;
    bool lagged = false;
};

// Who reads this wants each event when it happens, so every line is flushed.
void take(const json& reply, Watch& watch, Session& session) {
    Console& console = session.console();
    const bool ready = flag_field(&reply, "ready");
    const std::string forgotten = text_field(&reply, "forgottenBefore");
    watch.ready = watch.ready || ready;
    watch.lagged = watch.lagged || text_field(&reply, "kind") == "lagged";
    if (session.json_mode() != JsonMode::off) {
        const bool indented = session.json_mode() == JsonMode::pretty;
        print_json(reply, indented ? JsonMode::pretty : JsonMode::short_, console);
    } else if (!ready) {
        render_event(reply, console);
    } else if (!forgotten.empty()) {
        print_message("the daemon does not remember what was before " + forgotten, console);
    } else if (console.out_is_terminal) {
        console.err << "Watching; Ctrl-C ends it.\n" << std::flush;
    }
    if (!console.out.flush()) throw std::runtime_error("cannot write the output");
}

int finish(const Answer& answer, const Watch& watch, Session& session) {
    if (answer.exit_code == exit_interrupted) return exit_ok;
    if (watch.lagged) {
        // The event itself was the last of the output, with JSON as well.
        print_message(
            "events were lost because they were not read fast enough, and the daemon "
            "ended the subscription; start anew, and see 'ivshmemctl list'",
            session.console());
        return exit_failure;
    }
    if (watch.ready && answer.exit_code == exit_unreachable) {
        return print_error(
            unreachable("the connection to the daemon was lost, events are missed from here on; "
                        "start anew when it runs, and see 'ivshmemctl list'"),
            session.json_mode(), session.console());
    }
    if (!answer) return print_error(answer, session.json_mode(), session.console());
    return print_error(client_error("BadReply", "the daemon ended the subscription", exit_failure),
                       session.json_mode(), session.console());
}

int run_events(const json& request, Session& session) {
    Watch watch;
    const Answer answer = session.watch("Subscribe", request,
                                        [&](const json& reply) { take(reply, watch, session); });
    if (answer && !answer.parameters->empty()) take(*answer.parameters, watch, session);
    return finish(answer, watch, session);
}

}  // namespace

Runner declare_events(CLI::App& app) {
    const auto request = std::make_shared<json>(json::object());
    add_text(app, "VM", *request, "vm", "Only the events of this VM");
    const auto store_since = [request](const std::string& text) {
        const auto time = parse_since(text, now_of_day());
        if (!time) {
            throw CLI::ValidationError("--since",
                                       "'" + text +
                                           "' is neither a time such as 2026-03-01T09:30:00Z nor a "
                                           "span before now such as 90s, 15m, 2h or 1d");
        }
        (*request)["since"] = spell_time_of_day(*time);
    };
    app.add_option_function<std::string>("--since", store_since,
                                         "Begin with what happened since then, or so long ago")
        ->type_name("TIME");
    app.footer(
        "One line per event: time (UTC), kind, VM or VM/DEVICE, and more about it.\n"
        "With --json, {\"ready\":true} comes first: nothing after it is missed.\n"
        "Ends by Ctrl-C (exit code 0), when the daemon goes (5), or when events are\n"
        "lost because they were not read fast enough (1).\n"
        "Example: ivshmemctl events web --since 15m");
    return [request](Session& session) { return run_events(*request, session); };
}

}  // namespace ivshmemd::ctl
