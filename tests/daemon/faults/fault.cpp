#include "tests/daemon/faults/fault.h"

#include <sys/resource.h>

#include <csignal>
#include <nlohmann/json.hpp>

#include "tests/daemon/faults/scene.h"

namespace ivshmemd::test {
namespace {

using Staging = FakeQemu::Staging;

// Longer than the daemon waits for any answer.
constexpr Milliseconds very_late{90000};

constexpr Milliseconds shortage{3000};

constexpr int stormy = 200;

std::shared_ptr<json> share(json value) {
    return std::make_shared<json>(std::move(value));
}

std::string line(const std::string& event, const json& data) {
    return FakeQemu::event_message(event, data).dump() + "\r\n";
}

json gone(const std::string& id) {
    return {{"device", id}, {"path", "/machine/peripheral/" + id}};
}

// As when the guest resets, and as when another client's device leaves.
std::string events() {
    return line("RESET", {{"guest", true}, {"reason", "guest-reset"}}) +
           line("DEVICE_DELETED", gone("somebody's")) + line("RESUME", nullptr);
}

std::string storm() {
    std::string all;
    for (int i = 0; i < stormy; ++i) {
        all += line("DEVICE_DELETED", gone("somebody's"));
        all += line("RTC_CHANGE", {{"offset", i}});
    }
    return all;
}

Fault refusal(const std::string& error_class, const std::string& description) {
    Staging staging;
    staging.carried_out = false;
    staging.answer = share(FakeQemu::error(error_class, description));
    return {"refused" + error_class, staging};
}

Fault meanwhile(const std::string& name, std::function<void(Scene&)> act, bool harmless = false) {
    Staging staging;
    staging.held_before = true;
    return {name, staging, std::move(act), harmless};
}

// The soft limit only, for as long as the shortage lasts.
void run_short(Scene& scene, decltype(RLIMIT_NOFILE) resource, rlim_t most) {
    scene.forgive_state_file();
    rlimit before{};
    ::getrlimit(resource, &before);
    const rlimit now{most, before.rlim_max};
    ::setrlimit(resource, &now);
    scene.release();
    scene.later(shortage, [resource, before] { ::setrlimit(resource, &before); });
}

void fill_the_disk(Scene& scene) {
    ::signal(SIGXFSZ, SIG_IGN);
    run_short(scene, RLIMIT_FSIZE, 0);
}

void answer_late(Scene& scene) {
    scene.later(very_late, [&scene] { scene.release(); });
}

std::vector<Fault> lost_connections() {
    Staging before;
    before.carried_out = false;
    before.times = 0;
    before.closed = true;
    Staging after;
    after.times = 0;
    after.closed = true;
    Staging answered;
    answered.closed = true;
    Staging halved;
    halved.halved = true;
    halved.closed = true;
    return {{"disconnectBeforeEffect", before},
            {"disconnectAfterEffect", after},
            {"disconnectAfterAnswer", answered},
            {"halfALine", halved}};
}

std::vector<Fault> odd_answers() {
    Staging garbage;
    garbage.before = "}{ this is no QMP\r\n";
    Staging wrong_id;
    wrong_id.id = share(99999999);
    Staging no_id;
    no_id.id = share(nullptr);
    Staging twice;
    twice.times = 2;
    Staging swapped;
    swapped.after_next = true;
    return {{"garbage", garbage},
            {"wrongId", wrong_id},
            {"foreignId", no_id},
            {"answeredTwice", twice, {}, true},
            {"answeredAfterTheNext", swapped}};
}

std::vector<Fault> silences() {
    Staging before;
    before.held_before = true;
    Staging after;
    after.held = true;
    return {{"lateEffect", before, answer_late}, {"lateAnswer", after, answer_late}};
}

std::vector<Fault> with_events() {
    Staging before;
    before.before = events();
    Staging after;
    after.after = events();
    Staging stormy_weather;
    stormy_weather.before = storm();
    return {{"eventBeforeAnswer", before, {}, true},
            {"eventAfterAnswer", after, {}, true},
            {"eventStorm", stormy_weather, {}, true}};
}

std::vector<Fault> troubles() {
    const auto leave = [](Scene& scene) {
        scene.drop_client();
        scene.release();
    };
    const auto reload = [](Scene& scene) {
        scene.reload();
        scene.release();
    };
    const auto no_descriptor = [](Scene& scene) { run_short(scene, RLIMIT_NOFILE, 3); };
    return {meanwhile("qemuDies", [](Scene& scene) { scene.end_qemu(); }),
            meanwhile("clientGone", leave, true), meanwhile("reloaded", reload, true),
            meanwhile("outOfDescriptors", no_descriptor), meanwhile("diskFull", fill_the_disk)};
}

std::vector<Fault> refusals() {
    return {refusal("GenericError", "something is wrong"),
            refusal("DeviceNotFound", "Device 'it' not found"),
            refusal("CommandNotFound", "The command it has not been found"),
            refusal("DeviceNotActive", "No such device has been activated"),
            refusal("KVMMissingCap", "Using KVM without something is not possible")};
}

}  // namespace

const std::vector<Fault>& all_faults() {
    static const std::vector<Fault> all = [] {
        std::vector<Fault> faults;
        for (const auto& some : {lost_connections(), refusals(), silences(), odd_answers(),
                                 with_events(), troubles()}) {
            faults.insert(faults.end(), some.begin(), some.end());
        }
        return faults;
    }();
    return all;
}

}  // namespace ivshmemd::test
