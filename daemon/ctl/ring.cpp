#include <CLI/CLI.hpp>
#include <memory>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "daemon/ctl/arguments.h"
#include "daemon/ctl/command.h"
#include "daemon/ctl/console.h"
#include "daemon/ctl/doorbell_client.h"
#include "daemon/ctl/field.h"
#include "daemon/ctl/interrupt.h"
#include "daemon/ctl/table.h"
#include "lib/result.h"

namespace ivshmemd::ctl {
namespace {

struct RingArguments {
    std::string server;
    json bell = json::object();  // "peer" and "vector", as far as they are given
    bool wait = false;
};

// The bell that was named, if one was.
Result<std::optional<DoorbellClient::Bell>> read_bell(const json& given) {
    const auto peer = as_int(find(given, "peer"));
    const auto vector = as_int(find(given, "vector")).value_or(0);
    if (!peer) return std::optional<DoorbellClient::Bell>();
    if (*peer < 0 || *peer > doorbell::max_peer_id) {
        return Error(ErrorKind::invalid_parameter, "peers are 0 to 65535");
    }
    if (vector < 0 || vector > 2047) {
        return Error(ErrorKind::invalid_parameter, "vectors are 0 to 2047");
    }
    return std::optional<DoorbellClient::Bell>(
        {static_cast<std::uint16_t>(*peer), static_cast<std::uint32_t>(vector)});
}

json peers_of(const DoorbellClient& client) {
    json peers = json::array();
    for (const auto& [id, vectors] : client.others()) {
        peers.push_back({{"id", id}, {"vectors", vectors}});
    }
    return {{"id", client.id()}, {"vectors", client.vectors()}, {"peers", std::move(peers)}};
}

void render_peers(const json& reply, Console& console) {
    const json& peers = list_field(reply, "peers");
    Table table({"PEER", "VECTORS"});
    for (const json& peer : peers) {
        table.add({{text_field(&peer, "id")}, {text_field(&peer, "vectors")}});
    }
    if (!peers.empty()) table.print(console);
    print_legend(console, peers.size(), "other peer", "Only this command is there.");
}

// Whoever reads this wants each ring when it comes.
void say(const json& line, const std::string& text, Session& session) {
    Console& console = session.console();
    if (session.json_mode() == JsonMode::off) {
        console.out << text << '\n';
    } else {
        const bool indented = session.json_mode() == JsonMode::pretty;
        print_json(line, indented ? JsonMode::pretty : JsonMode::short_, console);
    }
    if (!console.out.flush()) throw std::runtime_error("cannot write the output");
}

std::string ring_text(std::uint32_t vector, std::uint64_t times) {
    const std::string text = "vector " + std::to_string(vector) + " was rung";
    return times == 1 ? text : text + ", " + std::to_string(times) + " times";
}

int wait_for_rings(DoorbellClient& client, Session& session) {
    say({{"ready", true}, {"id", client.id()}, {"vectors", client.vectors()}},
        "waiting as peer " + std::to_string(client.id()) + " with " +
            std::to_string(client.vectors()) + (client.vectors() == 1 ? " vector" : " vectors") +
            "; Ctrl-C ends it",
        session);
    const Answer answer = client.wait(
        [&session](std::uint32_t vector, std::uint64_t times) {
            say({{"vector", vector}, {"times", times}}, ring_text(vector, times), session);
        },
        [&session] {
            print_message("the server has ended; peers that know this one go on ringing it",
                          session.console());
        });
    clear_line(session.console());  // of the "^C"
    return answer ? exit_ok : print_error(answer, session.json_mode(), session.console());
}

int ring_bell(DoorbellClient& client, const DoorbellClient::Bell& bell, Session& session) {
    const Answer rung = client.ring();
    if (!rung) return print_error(rung, session.json_mode(), session.console());
    say({{"peer", bell.peer}, {"vector", bell.vector}},
        "rang vector " + std::to_string(bell.vector) + " of peer " + std::to_string(bell.peer),
        session);
    return exit_ok;
}

int run_ring(const RingArguments& arguments, Session& session) {
    if (session.address().elsewhere()) {
        return print_error(usage_error("ring asks no daemon, and the server is one of this host; "
                                       "run 'ssh HOST ivshmemctl ring'"),
                           session.json_mode(), session.console());
    }
    const auto bell = read_bell(arguments.bell);
    if (!bell) {
        return print_error(client_error(bell.error()), session.json_mode(), session.console());
    }
    const Interrupt interrupt;
    DoorbellClient client(arguments.server, interrupt.descriptor());
    const Answer joined = client.join(*bell);
    if (!joined) return print_error(joined, session.json_mode(), session.console());
    if (*bell) {
        const int code = ring_bell(client, **bell, session);
        if (code != exit_ok) return code;
    }
    if (arguments.wait) return wait_for_rings(client, session);
    if (*bell) return exit_ok;
    return session.finish(success(std::make_shared<const json>(peers_of(client))), render_peers);
}

}  // namespace

Runner declare_ring(CLI::App& app) {
    const auto arguments = std::make_shared<RingArguments>();
    app.add_option("--server", arguments->server, "Socket of the doorbell server")
        ->type_name("PATH")
        ->required();
    CLI::Option* peer = add_number(app, "PEER", arguments->bell, "peer", "Id of the peer to ring");
    add_number(app, "VECTOR", arguments->bell, "vector", "Which of its vectors (default: 0)")
        ->needs(peer);
    app.add_flag("--wait", arguments->wait, "Print a line for each ring of this peer");
    app.footer(
        "Joins the server as a peer, and leaves it at the end. Without PEER and --wait:\n"
        "lists the other peers and their vectors. The daemon is not asked.\n"
        "Example: ivshmemctl ring --server /run/bell.sock 0 1");
    return [arguments](Session& session) { return run_ring(*arguments, session); };
}

}  // namespace ivshmemd::ctl
