#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "daemon/ctl/topology_export.h"
#include "tests/daemon/ctl/captured.h"

namespace ivshmemd::ctl::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr const char* devices = R"({"devices":[
    {"vm":"db","name":"frames","role":"master","size":67108864,"region":"frames",
     "origin":"managed","state":"attached"},
    {"vm":"db","name":"bell","role":"peer","size":4096,"server":"/run/b/bell.sock","vectors":2,
     "msi":true,"ioeventfd":true,"origin":"managed","state":"attached"},
    {"vm":"web","name":"frames","role":"peer","size":67108864,"region":"frames",
     "readonly":true,"origin":"managed","state":"attached"},
    {"vm":"cache","name":"frames","role":"peer","size":67108864,"region":"frames",
     "readonly":true,"origin":"managed","state":"attached"},
    {"vm":"web","name":"big","role":"peer","size":2097152,"region":"huge:pages","numa":1,
     "origin":"managed","state":"attached"},
    {"vm":"web","name":"theirs","role":"peer","size":4096,"region":"theirs",
     "origin":"foreign","state":"attached"},
    {"vm":"web","name":"going","role":"peer","size":4096,"region":"going",
     "origin":"managed","state":"detaching"},
    {"vm":"off","name":"old","role":"peer","size":4096,"region":"old","stale":true,
     "origin":"managed","state":"attached"}]})";

TEST(CtlExport, DescribesWhatIsThere) {
    std::vector<std::string> left_out;
    const json topology = export_topology(json::parse(devices), json::object(), left_out);
    EXPECT_EQ(topology, json::parse(R"({
        "region":[{"name":"frames","size":"64M"},
                  {"name":"pages","directory":"huge","size":"2M"}],
        "doorbell":[{"name":"bell","server":"/run/b/bell.sock"}],
        "device":[{"name":"frames","role":"master","vms":["db"]},
                  {"name":"bell","role":"peer","doorbell":"bell","vms":["db"]},
                  {"name":"frames","role":"peer","readonly":true,"vms":["web","cache"]},
                  {"name":"big","role":"peer","region":"huge:pages","numa":1,"vms":["web"]}]})"));
    EXPECT_THAT(left_out, ElementsAre("off/old"));
}

TEST(CtlExport, KeepsModesThatWereDescribed) {
    std::vector<std::string> left_out;
    const json regions = json::parse(R"({"regions":[
        {"name":"frames","mode":"0664","createdByUs":true},
        {"name":"huge:pages","mode":"0600","createdByUs":false}]})");
    const json topology = export_topology(json::parse(devices), regions, left_out);
    EXPECT_EQ(topology["region"][0]["mode"], "0664");
    EXPECT_FALSE(topology["region"][1].contains("mode"));
}

TEST(CtlExport, TellsServersOfTheSameNameApart) {
    std::vector<std::string> left_out;
    const json topology = export_topology(json::parse(R"({"devices":[
        {"vm":"a","name":"x","role":"peer","size":4096,"server":"/run/1/s","msi":false,
         "ioeventfd":false,"origin":"managed","state":"attached"},
        {"vm":"a","name":"y","role":"peer","size":4096,"server":"/run/2/s","msi":true,
         "ioeventfd":false,"origin":"managed","state":"attached"}]})"),
                                          json::object(), left_out);
    EXPECT_EQ(topology["doorbell"][0]["name"], "s");
    EXPECT_EQ(topology["doorbell"][1]["name"], "s-2");
    EXPECT_EQ(topology["device"][0]["msi"], false);
    EXPECT_FALSE(topology["device"][0].contains("ioeventfd"));
    EXPECT_EQ(topology["device"][1]["doorbell"], "s-2");
    EXPECT_EQ(topology["device"][1]["ioeventfd"], false);
}

TEST(CtlExport, PrintsTomlOrJsonAndSaysWhatIsLeftOut) {
    Recorder recorder;
    recorder.answer = reply_of(devices);
    const Outcome toml = run_with({"export"}, recorder.caller());
    EXPECT_EQ(toml.code, 0);
    EXPECT_THAT(toml.out, HasSubstr("[[doorbell]]\nname = "));
    EXPECT_THAT(toml.err, HasSubstr("off/old is left out"));
    const Outcome as_json = run_with({"export", "--json=short"}, recorder.caller());
    EXPECT_EQ(json::parse(as_json.out)["device"].size(), 4u);
}

}  // namespace
}  // namespace ivshmemd::ctl::test
