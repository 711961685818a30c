#include <nlohmann/json.hpp>

#include "tests/e2e/refusal_fixture.h"
#include "tests/support/varlink_client.h"

// What is refused before QEMU hears of it: each request has its error and exit code, changes
// nothing in the machine and leaves no file.

namespace ivshmemd::test {
namespace {

using nlohmann::json;

const std::string invalid_parameter = "org.varlink.service.InvalidParameter";

TEST_F(Refusal, OfSizesThatWouldAbortQemu) {
    for (const char* size : {"0", "1", "3M", "2048", "5000", "12345", "8G", "1025K", "text", "M",
                             "1.5M", "0x1000", "1MB", "99999999999999999999"}) {
        refuse({"shm0", "--size", size}, 2, "BadSize");
    }
    EXPECT_EQ(run_ctl(*daemon_, {"attach", "vm0", "shm0", "--size=-1"}).exit_code, 2);
    EXPECT_EQ(daemon_->ctl_text({"attach", "vm0", "shm0", "--size", "-1"}).exit_code, 2);
    refuse({"shm0"}, 2, "BadSize");

    for (const int64_t size :
         {int64_t{0}, int64_t{1}, int64_t{2048}, int64_t{5000}, int64_t{3} << 20, int64_t{-1},
          int64_t{-4096}, int64_t{8} << 30, int64_t{1} << 62, INT64_MAX, INT64_MIN}) {
        refuse_call({{"size", size}}, "BadSize");
    }
    for (const json& size : {json("1M"), json(4096.0), json(1e30), json(true), json::array({4096}),
                             json(uint64_t{1} << 63), json("")}) {
        EXPECT_EQ(member(refuse_call({{"size", size}}, invalid_parameter), "parameter"), "size");
    }
}

TEST_F(Refusal, OfNamesThatBreakTheRule) {
    const std::vector<std::string> table{"a/b",
                                         "..",
                                         ".",
                                         "/etc/passwd",
                                         "../etc",
                                         "-a",
                                         "_a",
                                         "a b",
                                         "a,b",
                                         "a\nb",
                                         "a\x01",
                                         "\x7f",
                                         "a\x1b[31mb",
                                         "é",
                                         "a\xff",
                                         "a=b",
                                         "a%00",
                                         std::string(64, 'a'),
                                         std::string(300, 'a')};
    for (const std::string& name : table) {
        // "--": a name may begin with a dash.
        expect_ctl_error(*daemon_, {"attach", "--size", "1M", "--", "vm0", name}, 2, "BadName");
        refuse({"shm0", "--size", "1M", "--region=" + name}, 2, "BadName");
    }
    for (const char* name : {"1a", "a.b"}) {  // names of regions alone
        expect_ctl_error(*daemon_, {"attach", "vm0", name, "--size", "1M"}, 2, "BadName");
    }
    // No text on this wire holds U+0000.
    refuse_call({{"name", std::string("a\0b", 3)}, {"size", 4096}}, invalid_parameter);
    refuse_call({{"region", std::string("a\0b", 3)}, {"size", 4096}}, invalid_parameter);
    for (const char* parameter : {"name", "region", "vm", "bus", "model", "role", "server"}) {
        const json error(refuse_call({{parameter, ""}, {"size", 4096}}, invalid_parameter));
        EXPECT_EQ(member(error, "parameter"), parameter);
    }
    refuse({"", "--size", "1M"}, 2, invalid_parameter);
    for (const json& name : {json(1), json::array({"a"}), json::object(), json(true)}) {
        refuse_call({{"name", name}, {"size", 4096}}, invalid_parameter);
    }
    for (const char* vm : {"a/b", "..", "-a", "a b"}) {
        refuse_call({{"vm", vm}, {"size", 4096}}, "BadName");
    }
}

TEST_F(Refusal, OfNamesThatBreakTheRuleInOtherCalls) {
    const std::vector<std::pair<std::string, json>> table{
        {"Detach", {{"vm", "vm0"}, {"name", "a/b"}}},
        {"Detach", {{"vm", "a/b"}, {"name", "a"}}},
        {"Probe", {{"vm", "a/b"}}},
        {"ListDevices", {{"vm", ".."}}}};
    for (const auto& [method, parameters] : table) {
        const json reply(call_api(*daemon_, method, parameters));
        EXPECT_EQ(error_of(reply), "BadName") << method << parameters;
    }
}

TEST_F(Refusal, OfParametersThatAreNotDeclared) {
    EXPECT_EQ(
        member(refuse_call({{"size", 4096}, {"colour", "red"}}, invalid_parameter), "parameter"),
        "colour");
    VarlinkClient client(daemon_->socket());
    client.send_raw(std::string(R"({"method":"io.ivshmemd.Hotplug.Attach","parameters":)"
                                R"({"vm":"vm0","name":"a","size":4096,"name":"b"}})") +
                    '\0');
    EXPECT_EQ(error_of(client.next_reply()), invalid_parameter) << "a name twice";
    for (const json& parameters :
         {json{{"vm", "vm0"}}, json{{"vm", "vm0"}, {"name", "a"}, {"qomPath", "/machine/x"}},
          json{{"vm", "vm0"}, {"name", "a"}, {"timeoutMs", -1}}}) {
        EXPECT_EQ(error_of(call_api(*daemon_, "Detach", parameters)), invalid_parameter)
            << parameters;
    }
}

TEST_F(Refusal, OfPlacesThatDoNotExist) {
    for (const char* slot : {"32", "-1", "1000", "4294967298"}) {
        EXPECT_EQ(member(refuse({"shm0", "--size", "1M", std::string("--slot=") + slot}, 2,
                                invalid_parameter),
                         "parameter"),
                  "slot");
    }
    for (const char* bus : {"pci.1", "nobus", "PCI.0", "/machine", "pci.0\n"}) {
        EXPECT_EQ(member(refuse({"shm0", "--size", "1M", "--bus", bus}, 2, invalid_parameter),
                         "parameter"),
                  "bus");
    }
    // The host bridge, and the southbridge, which is no device of query-pci's "peripheral".
    for (const char* slot : {"0", "1"}) {
        refuse({"shm0", "--size", "1M", "--slot", slot}, 6, "SlotInUse");
        refuse({"shm0", "--size", "1M", "--bus", "pci.0", "--slot", slot}, 6, "SlotInUse");
    }
}

TEST_F(Refusal, OfWhatIsNotKnown) {
    const json error(
        expect_ctl_error(*daemon_, {"attach", "vm9", "shm0", "--size", "1M"}, 3, "NoSuchVm"));
    EXPECT_EQ(member(error, "vm"), "vm9");
    expect_ctl_error(*daemon_, {"probe", "vm9"}, 3, "NoSuchVm");
    expect_ctl_error(*daemon_, {"list", "vm9"}, 3, "NoSuchVm");
    expect_ctl_error(*daemon_, {"detach", "vm9", "shm0"}, 3, "NoSuchVm");
    expect_ctl_error(*daemon_, {"detach", "vm0", "shm0"}, 3, "NoSuchDevice");
    expect_ctl_error(*daemon_, {"detach", "vm0", "--qom-path", "/machine/peripheral/x"}, 3,
                     "NoSuchDevice");
    expect_ctl_error(*daemon_, {"show", "vm0", "shm0"}, 3, "NoSuchDevice");
    // A QOM path that is no ivshmem device must not be unplugged.
    expect_ctl_error(*daemon_, {"detach", "vm0", "--qom-path", "/machine/unattached/device[0]"}, 3,
                     "NoSuchDevice");
}

TEST_F(Refusal, GoesInTheOrderOfTheContract) {
    // Each has two things wrong; the earlier one is the answer.
    refuse_call({{"name", "a/b"}, {"vm", "vm9"}, {"size", 4096}}, "BadName");
    refuse_call({{"slot", 32}, {"vm", "vm9"}, {"size", 4096}}, invalid_parameter);
    refuse_call({{"vm", "vm9"}, {"model", "ivshmem"}, {"size", 5000}}, "NoSuchVm");
    refuse_call({{"model", "ivshmem"}, {"size", 5000}}, "ModelNotSupported");
    refuse_call({{"vectors", 2}, {"size", 5000}}, "ConfigUnsupported");
    refuse_call({{"size", 5000}, {"bus", "nobus"}}, "BadSize");
    refuse_call({{"size", 5000}, {"slot", 0}}, "BadSize");
}

}  // namespace
}  // namespace ivshmemd::test
