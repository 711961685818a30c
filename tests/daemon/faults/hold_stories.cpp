#include "daemon/state/migrations.h"
#include "tests/daemon/faults/story.h"

namespace ivshmemd::test {
namespace {

const std::vector<std::string> peers{"p1", "p2"};

void attach_peers(Scene& scene) {
    for (const std::string& name : peers) {
        scene.attach_first(plain_request(name));
        scene.keep_region(name);
    }
}

std::vector<DeviceSpec> out_of_it(Scene& scene) {
    const auto record = migration_record(*scene.host().store, scene.machine()->key());
    return record ? record->devices : std::vector<DeviceSpec>();
}

bool all_are_there(Scene& scene) {
    return std::all_of(peers.begin(), peers.end(),
                       [&](const std::string& name) { return scene.has(name); }) &&
           out_of_it(scene).empty() && scene.host().holds.empty();
}

// One that holds nothing any more, its client having left, has brought all back.
bool is_held_or_over(Scene& scene) {
    if (!scene.has_client()) return all_are_there(scene);
    return scene.is_held() && !scene.has("p1") && !scene.has("p2") &&
           out_of_it(scene).size() == peers.size();
}

Story hold_story() {
    const auto begin = [](Scene& scene) { scene.call("Hold", {{"vm", "a"}}); };
    return {"hold", attach_peers, begin, is_held_or_over, all_are_there, true, true};
}

// What is not there is out for replug, and the reply names it.
bool is_named_as_out(Scene& scene) {
    if (!scene.error().empty() || scene.reply()["parameters"]["result"] == "back") return false;
    const std::vector<DeviceSpec> out = out_of_it(scene);
    return std::all_of(peers.begin(), peers.end(), [&](const std::string& name) {
        return scene.has(name) || std::any_of(out.begin(), out.end(), [&](const DeviceSpec& each) {
                   return each.name == name;
               });
    });
}

Story release_story() {
    const auto prepare = [](Scene& scene) {
        attach_peers(scene);
        scene.call("Hold", {{"vm", "a"}});
        scene.converge();
    };
    const auto begin = [](Scene& scene) {
        if (scene.is_held()) {
            scene.call_again("Release", {{"vm", "a"}});
        } else {
            scene.call("Replug", {{"vm", "a"}});
        }
    };
    const auto any = [](Scene&) { return true; };
    return {"release", prepare, begin, all_are_there, any, true, true, is_named_as_out};
}

}  // namespace

std::vector<Story> hold_stories() {
    return {hold_story(), release_story()};
}

}  // namespace ivshmemd::test
