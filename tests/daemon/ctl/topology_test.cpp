#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

#include "daemon/ctl/topology_render.h"
#include "tests/daemon/ctl/captured.h"

namespace ivshmemd::ctl::test {
namespace {

using Renderer = void (*)(const std::vector<SharedMemory>&, Console&);

std::string rendered(Renderer render, const char* regions, const char* devices) {
    Captured captured;
    render(topology_of(json::parse(regions), json::parse(devices)), captured.console);
    return captured.out.str();
}

constexpr const char* regions = R"({"regions":[{"name":"b","size":4096,"users":[
    {"vm":"web","device":"x","role":"peer"},{"vm":"gone","device":"y","role":"auto"}]},
    {"name":"a","size":1048576}]})";
constexpr const char* drawn = R"({"devices":[
    {"vm":"web","name":"s1","role":"peer","model":"ivshmem_doorbell","server":"/s","size":8192,
     "state":"attached"},
    {"vm":"web","name":"x","role":"peer","model":"ivshmem_plain","region":"other-name","size":4096,
     "state":"detaching","stale":true},
    {"vm":"db","name":"late","role":"master","model":"ivshmem_plain","region":"b","size":4096,
     "state":"attached"},
    {"vm":"db","name":"own","role":"auto","model":"ivshmem","size":4096,"state":"attached"},
    {"vm":"db","name":"s2","role":"peer","model":"ivshmem_doorbell","server":"/s","size":8192,
     "state":"attached"}]})";

TEST(CtlTopology, GroupsDevicesByTheMemoryTheyShare) {
    EXPECT_EQ(rendered(render_tree, regions, drawn),
              "region b, 4K\n"
              "|- web/x    peer    ivshmem-plain     detaching, stale\n"
              "|- gone/y   auto    -\n"
              "`- db/late  master  ivshmem-plain\n"
              "region a, 1M, unused\n"
              "server /s, 8K\n"
              "|- web/s1   peer    ivshmem-doorbell\n"
              "`- db/s2    peer    ivshmem-doorbell\n"
              "no region or server\n"
              "`- db/own   auto    ivshmem\n");
}

TEST(CtlTopology, DrawsVmsAndMemoryWithDevicesAsEdges) {
    EXPECT_EQ(rendered(render_dot, regions, R"({"devices":[{"vm":"w\"\\","name":"n","role":"master",
        "server":"/s\n","state":"attached"},{"vm":"db","name":"own","role":"peer"}]})"),
              "graph ivshmem {\n"
              "  rankdir=LR;\n"
              "  \"region b\" [shape=cylinder, label=\"region b, 4K\"];\n"
              "  \"region a\" [shape=cylinder, label=\"region a, 1M, unused\"];\n"
              "  \"server /s\\\\n\" [shape=component, label=\"server /s\\\\n\"];\n"
              "  \"VM db\" [shape=box, label=\"db\"];\n"
              "  \"VM gone\" [shape=box, label=\"gone\"];\n"
              "  \"VM w\\\"\\\\\" [shape=box, label=\"w\\\"\\\\\"];\n"
              "  \"VM web\" [shape=box, label=\"web\"];\n"
              "  \"VM web\" -- \"region b\" [label=\"x, peer\"];\n"
              "  \"VM gone\" -- \"region b\" [label=\"y, auto\"];\n"
              "  \"VM w\\\"\\\\\" -- \"server /s\\\\n\" [label=\"n, master\", style=bold];\n"
              "}\n");
}

TEST(CtlTopology, IsDrawnInTheDocumentationAsItIsPrinted) {
    const auto content_of = [](const std::string& name) {
        std::ifstream file(IVSHMEMD_SOURCE_DIR "/systemd/doc/" + name);
        return std::string(std::istreambuf_iterator<char>(file), {});
    };
    const std::string recorded = content_of("topology.json");
    EXPECT_EQ(rendered(render_dot, recorded.c_str(), recorded.c_str()), content_of("topology.dot"));
}

TEST(CtlTopology, SurvivesRepliesOfAnotherShape) {
    EXPECT_EQ(rendered(render_tree, "{}", "{}"), "");
    EXPECT_EQ(rendered(render_tree, R"({"regions":[7]})", R"({"devices":[[]]})"),
              "region , unused\nno region or server\n`- /  -  -\n");
}

TEST(CtlTopology, PrintsBothRepliesInOneObjectUnderJson) {
    Recorder recorder;
    recorder.answer = reply_of(R"({"regions":[{"name":"a"}],"devices":[{"name":"b"}]})");
    const Outcome outcome = run_with({"topology", "--json"}, recorder.caller());
    EXPECT_EQ(outcome.out, "{\"devices\":[{\"name\":\"b\"}],\"regions\":[{\"name\":\"a\"}]}\n");
    EXPECT_EQ(recorder.calls, 2);
}

}  // namespace
}  // namespace ivshmemd::ctl::test
