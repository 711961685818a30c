#include "daemon/state/migrations.h"
#include "tests/daemon/faults/story.h"

namespace ivshmemd::test {
namespace {

std::optional<Role> role_of(Scene& scene, const std::string& name) {
    const std::optional<Device> device = scene.machine()->device(name);
    return device ? std::optional<Role>(device->spec.role) : std::nullopt;
}

Story attach_many_story() {
    const auto begin = [](Scene& scene) {
        scene.call("AttachMany", {{"vms", json::array({"a"})}, {"name", "x"}, {"size", mebibyte}});
    };
    const auto done = [](Scene& scene) { return scene.has("x"); };
    const auto undone = [](Scene& scene) { return !scene.has("x"); };
    return {"attachMany", [](Scene&) {}, begin, done, undone};
}

Story detach_many_story() {
    const auto prepare = [](Scene& scene) {
        scene.attach_first(plain_request("x"));
        scene.keep_region("x");  // should its QEMU end before the device has left
    };
    const auto begin = [](Scene& scene) {
        scene.call("DetachMany",
                   {{"vms", json::array({"a"})}, {"name", "x"}, {"removeRegion", true}});
    };
    const auto done = [](Scene& scene) { return !scene.has("x"); };
    const auto undone = [](Scene& scene) { return scene.has("x"); };
    return {"detachMany", prepare, begin, done, undone};
}

// Whether a reply has it in a list of what is left.
bool names(Scene& scene, const char* list, const std::string& device) {
    const json& parameters = scene.reply()["parameters"];
    if (!parameters.contains(list)) return false;
    const json& left = parameters[list];
    return std::find(left.begin(), left.end(), "a/" + device) != left.end();
}

bool is_out(Scene& scene, const std::string& device) {
    const auto record = migration_record(*scene.host().store, scene.machine()->key());
    return record && std::any_of(record->devices.begin(), record->devices.end(),
                                 [&](const DeviceSpec& each) { return each.name == device; });
}

// Of a change that could not be undone in full, all that is left is named; and what is to come back
// is back, or out for replug.
bool is_named_as_left(Scene& scene) {
    if (scene.error() != "TransactionFailed" || says_undone(scene)) return false;
    const bool as_before = role_of(scene, "changes") == Role::peer;
    if (scene.has("x") && !names(scene, "leftovers", "x")) return false;
    if (!as_before && !names(scene, "leftovers", "changes")) return false;
    const bool comes_back = names(scene, "returning", "changes");
    return !comes_back || as_before || is_out(scene, "changes");
}

// One comes, and one changes its role.
Story apply_story() {
    const auto prepare = [](Scene& scene) {
        scene.attach_first(plain_request("changes"));
        scene.keep_region("changes");
    };
    const auto begin = [](Scene& scene) {
        const json vms = json::array({"a"});
        const json devices{{{"name", "x"}, {"vms", vms}, {"size", mebibyte}},
                           {{"name", "changes"}, {"vms", vms}, {"role", "master"}}};
        scene.call("Apply", {{"topology", {{"device", devices}}}});
    };
    const auto done = [](Scene& scene) {
        return scene.has("x") && role_of(scene, "changes") == Role::master;
    };
    const auto undone = [](Scene& scene) {
        return !scene.has("x") && role_of(scene, "changes") == Role::peer;
    };
    return {"apply", prepare, begin, done, undone, false, false, is_named_as_left};
}

}  // namespace

bool says_undone(Scene& scene) {
    return scene.error() == "TransactionFailed" && scene.reply()["parameters"]["undone"] == true;
}

std::vector<Story> transaction_stories() {
    return {attach_many_story(), detach_many_story(), apply_story()};
}

}  // namespace ivshmemd::test
