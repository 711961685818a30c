#include "daemon/state/migrations.h"
#include "tests/daemon/faults/story.h"

namespace ivshmemd::test {
namespace {

DeviceRequest plain(const std::string& name) {
    return plain_request(name);
}

DeviceRequest master(const std::string& name) {
    DeviceRequest request = plain(name);
    request.role = Role::master;
    return request;
}

DeviceRequest doorbell(const Scene& scene, const std::string& name) {
    DeviceRequest request;
    request.name = name;
    request.server = scene.server();
    request.vectors = 2;
    return request;
}

json spec_of(const std::string& name, int slot) {
    return {{"name", name},   {"model", "ivshmem-plain"}, {"role", "peer"}, {"size", mebibyte},
            {"region", name}, {"bus", "pci.0"},           {"slot", slot}};
}

std::function<bool(Scene&)> has(const std::string& name) {
    return [name](Scene& scene) { return scene.has(name); };
}

std::function<bool(Scene&)> lacks(const std::string& name) {
    return [name](Scene& scene) { return !scene.has(name); };
}

Story attach_story() {
    const auto begin = [](Scene& scene) {
        scene.call("Attach", {{"vm", "a"}, {"name", "x"}, {"size", mebibyte}});
    };
    return {"attach", [](Scene&) {}, begin, has("x"), lacks("x")};
}

Story doorbell_story() {
    const auto begin = [](Scene& scene) {
        scene.call("Attach",
                   {{"vm", "a"}, {"name", "bell"}, {"server", scene.server()}, {"vectors", 2}});
    };
    return {"attachDoorbell", [](Scene&) {}, begin, has("bell"), lacks("bell")};
}

Story detach_story() {
    const auto prepare = [](Scene& scene) { scene.attach_first(plain("x")); };
    const auto begin = [](Scene& scene) {
        scene.call("Detach", {{"vm", "a"}, {"name", "x"}, {"removeRegion", true}});
    };
    return {"detach", prepare, begin, lacks("x"), has("x")};
}

Story detach_doorbell_story() {
    const auto prepare = [](Scene& scene) { scene.attach_first(doorbell(scene, "bell")); };
    const auto begin = [](Scene& scene) { scene.call("Detach", {{"vm", "a"}, {"name", "bell"}}); };
    return {"detachDoorbell", prepare, begin, lacks("bell"), has("bell")};
}

bool has_moved(Scene& scene) {
    const auto record = migration_record(*scene.host().store, scene.machine()->key());
    return record && record->phase == MigrationPhase::completed && record->devices.size() == 2 &&
           !scene.has("p1") && !scene.has("p2");
}

bool has_stayed(Scene& scene) {
    return scene.has("m") && scene.has("p1") && scene.has("p2") &&
           !migration_record(*scene.host().store, scene.machine()->key());
}

Story migrate_story() {
    const auto prepare = [](Scene& scene) {
        scene.attach_first(master("m"));
        scene.attach_first(plain("p1"));
        scene.attach_first(plain("p2"));
    };
    const auto begin = [](Scene& scene) {
        for (const char* region : {"m", "p1", "p2"}) scene.keep_region(region);
        scene.migration().complete_at_look(3);
        scene.call("Migrate", {{"vm", "a"}, {"uri", "unix:/in.sock"}, {"detachPeers", true}});
    };
    return {"migrate", prepare, begin, has_moved, has_stayed, true, true};
}

Story replug_story() {
    const auto begin = [](Scene& scene) {
        scene.keep_region("r1");  // of a device that was there, should its QEMU end then
        scene.call("Replug",
                   {{"vm", "a"}, {"devices", json::array({spec_of("r1", 30), spec_of("r2", 29)})}});
    };
    const auto done = [](Scene& scene) { return scene.has("r1") && scene.has("r2"); };
    return {"replug", [](Scene&) {}, begin, done, [](Scene&) { return true; }};
}

Story declared_story() {
    const auto begin = [](Scene& scene) {
        scene.declare({plain("d1"), doorbell(scene, "d2")});
        scene.reload();
    };
    const auto done = [](Scene& scene) { return scene.has("d1") && scene.has("d2"); };
    return {"declare", [](Scene&) {}, begin, done, {}};
}

Story reload_story() {
    const auto prepare = [](Scene& scene) {
        scene.declare({plain("d1"), plain("d2")});
        scene.reload();
        scene.converge();
        for (const char* region : {"d1", "d2"}) scene.keep_region(region);
    };
    const auto begin = [](Scene& scene) {
        scene.declare({master("d1"), plain("d3")});
        scene.reload();
    };
    const auto done = [](Scene& scene) {
        const auto device = scene.machine()->device("d1");
        return device && device->spec.role == Role::master && !scene.has("d2") && scene.has("d3");
    };
    return {"reload", prepare, begin, done, {}};
}

Story reconnect_story() {
    const auto prepare = [](Scene& scene) {
        scene.attach_first(plain("x"));
        scene.attach_first(doorbell(scene, "bell"));
        scene.keep_region("x");
    };
    const auto done = [](Scene& scene) { return scene.has("x") && scene.has("bell"); };
    const auto begin = [](Scene& scene) { scene.pc().qemu().disconnect(); };
    return {"reconnect", prepare, begin, done, {}, false, true};
}

}  // namespace

DeviceRequest plain_request(const std::string& name) {
    DeviceRequest request;
    request.name = name;
    request.size = mebibyte;
    return request;
}

const std::vector<Story>& all_stories() {
    static const std::vector<Story> all = [] {
        std::vector<Story> stories{attach_story(),          doorbell_story(), detach_story(),
                                   detach_doorbell_story(), migrate_story(),  replug_story(),
                                   declared_story(),        reload_story(),   reconnect_story()};
        for (const auto& some : {hold_stories(), transaction_stories()}) {
            for (Story story : some) {
                story.rarity = 3;
                stories.push_back(std::move(story));
            }
        }
        return stories;
    }();
    return all;
}

}  // namespace ivshmemd::test
