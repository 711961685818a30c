#include "tests/e2e/request_generator.h"

#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "tests/support/json_text.h"

namespace ivshmemd::test {
namespace {

using nlohmann::json;

constexpr int names = 8;            // of devices, in each VM
constexpr size_t most_devices = 7;  // in one VM

std::string name_of(uint64_t number) {
    return "dev" + std::to_string(number);
}

// Texts, numbers and worse for members that want something else.
const std::vector<json>& junk() {
    static const std::vector<json> values{"",
                                          "a/b",
                                          "..",
                                          "\xc3\xa9",
                                          std::string(64, 'a'),
                                          -1,
                                          0,
                                          1,
                                          5000,
                                          3 << 20,
                                          int64_t{1} << 53,
                                          INT64_MIN,
                                          true,
                                          1.5,
                                          1e300,
                                          nullptr,
                                          json::array(),
                                          json::object(),
                                          "au to",
                                          "$(reboot)",
                                          json::array({1, "two"}),
                                          uint64_t{1} << 63};
    return values;
}

}  // namespace

RequestGenerator::RequestGenerator(uint64_t seed, std::vector<std::string> vms, std::string nowhere)
    : random_(seed), vms_(std::move(vms)), nowhere_(std::move(nowhere)) {}

uint64_t RequestGenerator::size_of(const std::string& region) {
    static const uint64_t sizes[]{4096, 65536, 1 << 20, 2 << 20};
    return sizes[static_cast<unsigned char>(region.back()) % 4];
}

json RequestGenerator::good_attach(const json& devices) {
    // A VM with room, a name that is free there, a region without a second master.
    std::vector<std::pair<std::string, std::string>> choices;
    std::set<std::string> mastered;
    for (const std::string& vm : vms_) {
        std::set<std::string> taken;
        for (const json& device : devices) {
            if (device.value("role", "") == "master") mastered.insert(device.value("region", ""));
            if (device.value("vm", "") == vm) taken.insert(device.value("name", ""));
        }
        for (int i = 0; i < names && taken.size() < most_devices; ++i) {
            if (!taken.contains(name_of(i))) choices.emplace_back(vm, name_of(i));
        }
    }
    if (choices.empty()) return odd_attach(devices);
    const auto& [vm, name] = one_of(choices);
    json request{{"vm", vm}, {"name", name}};
    std::string region = name;
    if (chance(40)) request["region"] = region = "shared" + std::to_string(below(4));
    request["size"] = size_of(region);
    if (chance(25) && !mastered.contains(region)) request["role"] = "master";
    if (chance(15)) request["role"] = "peer";
    if (chance(20)) request["model"] = chance(50) ? "ivshmem-plain" : "ivshmem_plain";
    if (chance(10)) request["dryRun"] = chance(30);
    return request;
}

json RequestGenerator::odd_attach(const json& devices) {
    json request{{"vm", one_of(vms_)}, {"name", name_of(below(names))}};
    request["size"] = size_of(request["name"]);
    switch (below(8)) {
        case 0:  // a name in use, for something else
            if (!devices.empty()) {
                const json& device = devices[below(devices.size())];
                request["vm"] = device["vm"];
                request["name"] = device["name"];
                request["role"] = device["role"] == "master" ? "peer" : "master";
            }
            break;
        case 1:  // a second master, or a slot in use
            if (!devices.empty()) {
                const json& device = devices[below(devices.size())];
                for (const char* key : {"region", "bus", "slot"}) {
                    if (device.contains(key)) request[key] = device[key];
                }
                request["size"] = device["size"];
                request["role"] = "master";
            }
            break;
        case 2:
            request["size"] = one_of<json>({0, -1, 1, 4095, 5000, 3 << 20, int64_t{1} << 62});
            break;
        case 3:
            request["model"] = one_of<json>({"ivshmem", "ivshmem-doorbell", "ivshmem-flat", "x"});
            if (chance(50)) request["role"] = one_of<json>({"auto", "Master", "none"});
            break;
        case 4:
            request.erase("size");
            request["server"] = nowhere_;
            if (chance(50)) request["vectors"] = below(5);
            if (chance(50)) request["msi"] = chance(50);
            if (chance(50)) request["ioeventfd"] = chance(50);
            break;
        case 5:
            request[one_of<std::string>({"vectors", "msi", "ioeventfd"})] = one_of(junk());
            break;
        case 6:
            request["bus"] = one_of<json>({"pci.0", "pcie.0", "rp0", "rp99", "pci.0/x"});
            request["slot"] = one_of<json>({0, 1, 5, 31, 32, -1});
            break;
        default:
            request[one_of<std::string>({"vm", "name", "size", "model", "role", "region", "server",
                                         "vectors", "msi", "ioeventfd", "bus", "slot", "dryRun",
                                         "colour"})] = one_of(junk());
    }
    return request;
}

json RequestGenerator::detach(const json& devices) {
    if (devices.empty() || chance(10)) {
        return {{"vm", one_of(vms_)}, {"name", name_of(below(names))}, {"timeoutMs", 0}};
    }
    const json& device = devices[below(devices.size())];
    json request{{"vm", device["vm"]}};
    if (chance(20)) {
        request["qomPath"] = device["qomPath"];
    } else {
        request["name"] = device["name"];
    }
    if (chance(30)) request["timeoutMs"] = one_of<json>({0, 1, 40, 2000, 10000});
    if (chance(40)) request["removeRegion"] = chance(70);
    if (chance(5)) request[chance(50) ? "timeoutMs" : "removeRegion"] = one_of(junk());
    return request;
}

json RequestGenerator::migrate() {
    json request{{"vm", one_of(vms_)}, {"uri", "unix:" + nowhere_}};
    if (chance(30)) request["uri"] = one_of<json>({"exec:true", "fd:0", "", 5, "tcp", nowhere_});
    if (chance(30)) request["detachPeers"] = chance(50);
    if (chance(30)) request["force"] = chance(50);
    if (chance(30)) request["timeoutMs"] = one_of<json>({0, 50, 5000, -1, "soon"});
    return request;
}

json RequestGenerator::replug(const json& devices) {
    json request{{"vm", one_of(vms_)}};
    if (devices.empty() || chance(30)) return request;
    json spec;
    const json& device = devices[below(devices.size())];
    for (const char* key : {"name", "model", "role", "size", "region", "bus", "slot"}) {
        if (device.contains(key)) spec[key] = device[key];
    }
    if (chance(50)) spec[one_of<std::string>({"name", "role", "size", "bus"})] = one_of(junk());
    request["devices"] = json::array({spec});
    return request;
}

json RequestGenerator::vm_only() {
    if (chance(10)) return {{"vm", one_of(junk())}};
    return {{"vm", one_of(vms_)}};
}

Request RequestGenerator::nonsense(const json& devices) {
    switch (below(3)) {
        case 0:
            return {"NoSuchMethod", {json::object()}};
        case 1:
            return {"Attach", {json::object()}};
        default: {
            Request request{"Detach", {detach(devices)}};
            request.parameters.front()["colour"] = one_of(junk());
            return request;
        }
    }
}

Request RequestGenerator::next(const json& devices) {
    const uint64_t dice = below(100);
    if (dice < 30) return {"Attach", {good_attach(devices)}, chance(10)};
    if (dice < 44) return {"Attach", {odd_attach(devices)}, chance(10)};
    if (dice < 76) return {"Detach", {detach(devices)}, chance(30)};
    if (dice < 80) return {"ListDevices", {chance(50) ? json::object() : vm_only()}};
    if (dice < 83) return {"ListVms", {json::object()}, chance(10)};
    if (dice < 87) return {"Probe", {vm_only()}};
    if (dice < 89) return {"ListRegions", {json::object()}};
    if (dice < 92) return {"CheckMigration", {vm_only()}};
    if (dice < 94) return {"Migrate", {migrate()}, chance(50)};
    if (dice < 96) return {"Replug", {replug(devices)}};
    if (dice < 98) return {"Subscribe", {chance(50) ? json::object() : vm_only()}, chance(70)};
    return nonsense(devices);
}

}  // namespace ivshmemd::test
