#include <benchmark/benchmark.h>
#include <sys/stat.h>

#include <nlohmann/json.hpp>

#include "lib/decide.h"
#include "lib/resolve.h"
#include "proto/api/interface_text.h"
#include "proto/api/values.h"
#include "proto/qmp/command.h"
#include "proto/qmp/framer.h"
#include "proto/qmp/message.h"
#include "proto/qmp/mux.h"
#include "proto/varlink/framing.h"
#include "proto/varlink/idl_parser.h"
#include "proto/varlink/message.h"
#include "proto/varlink/type_check.h"

// What an attach passes through, one step at a time and without a daemon. ./dev bench puts the
// figures beside the others.

namespace ivshmemd::bench {
namespace {

using benchmark::DoNotOptimize;

const std::string call = R"({"method":"io.ivshmemd.Hotplug.Attach","parameters":)"
                         R"({"vm":"web","name":"frames","region":"shared","size":1048576}})";
const std::string reply = R"({"return": {"type": "child<ivshmem-plain>"}, "id": 1})";
const std::string event =
    R"({"timestamp": {"seconds": 1700000000, "microseconds": 1}, "event": "DEVICE_DELETED",)"
    R"( "data": {"device": "ivshmemd.frames", "path": "/machine/peripheral/ivshmemd.frames"}})";

const varlink::Interface& interface() {
    static const varlink::Interface parsed = *varlink::parse_interface(api::interface_text());
    return parsed;
}

DeviceRequest usual_request() {
    return *api::read_device_request(*varlink::parse_call(call)->parameters);
}

Capabilities usual_qemu() {
    Capabilities qemu;
    qemu.models = {Model::plain, Model::doorbell};
    qemu.version = {7, 2, 0};
    return qemu;
}

AttachFacts usual_facts() {
    AttachFacts facts;
    facts.vm = "web";
    facts.run_state = "running";
    facts.capabilities = usual_qemu();
    facts.size_limit = std::uint64_t{64} << 20;
    facts.places.directory = "/dev/shm";
    facts.region = {true, S_IFREG | 0660, 0, 1 << 20};
    return facts;
}

void frame_call(benchmark::State& state) {
    varlink::Framer framer;
    const std::string bytes = call + '\0';
    for (auto _ : state) {
        framer.feed(bytes);
        DoNotOptimize(framer.next());
    }
}

void parse_call(benchmark::State& state) {
    for (auto _ : state) DoNotOptimize(varlink::parse_call(call));
}

void dispatch_call(benchmark::State& state) {
    const varlink::Call parsed = *varlink::parse_call(call);
    for (auto _ : state) {
        const varlink::Method* method = varlink::find_method(interface(), parsed.method);
        DoNotOptimize(varlink::check(interface(), method->in, *parsed.parameters,
                                     varlink::EmptyStrings::refused));
        DoNotOptimize(api::read_device_request(*parsed.parameters));
    }
}

void resolve(benchmark::State& state) {
    const DeviceRequest request = usual_request();
    const Capabilities qemu = usual_qemu();
    for (auto _ : state) DoNotOptimize(resolve_model(request, qemu));
}

void decide_attach(benchmark::State& state) {
    const DeviceRequest request = usual_request();
    const AttachFacts facts = usual_facts();
    if (!decide(request, facts)) state.SkipWithError("the usual request is refused");
    for (auto _ : state) DoNotOptimize(decide(request, facts));
}

void encode_command(benchmark::State& state) {
    const qmp::Command command(
        "qom-get", {{"path", "/machine/peripheral/ivshmemd.frames"}, {"property", "parent_bus"}});
    for (auto _ : state) DoNotOptimize(qmp::encode(command, 1));
}

void frame_qmp(benchmark::State& state) {
    qmp::Framer framer;
    const std::string bytes = event + "\r\n";
    for (auto _ : state) {
        framer.feed(bytes);
        DoNotOptimize(framer.next());
    }
}

void parse_event(benchmark::State& state) {
    for (auto _ : state) DoNotOptimize(qmp::parse_message(event));
}

// With the table that finds the waiting call.
void parse_reply(benchmark::State& state) {
    qmp::Mux mux;
    for (auto _ : state) {
        DoNotOptimize(mux.add());
        const qmp::Message message = qmp::parse_message(reply);
        DoNotOptimize(mux.on_message(std::get<qmp::Reply>(message)));
    }
}

BENCHMARK(frame_call)->Name("framing of a call");
BENCHMARK(parse_call)->Name("parsing of a call");
BENCHMARK(dispatch_call)->Name("dispatch: method, types, request");
BENCHMARK(resolve)->Name("resolve a model");
BENCHMARK(decide_attach)->Name("decide an attach");
BENCHMARK(encode_command)->Name("encoding of a QMP command");
BENCHMARK(frame_qmp)->Name("framing of a QMP event");
BENCHMARK(parse_event)->Name("parsing of a QMP event");
BENCHMARK(parse_reply)->Name("parsing and matching of a QMP reply");

}  // namespace
}  // namespace ivshmemd::bench

BENCHMARK_MAIN();
