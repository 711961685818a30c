#include "proto/qmp/dialect.h"

#include <nlohmann/json.hpp>

namespace ivshmemd::qmp {
namespace {

constexpr Version flat_object_add{5, 2, 0};

std::string slot_address(int slot) {
    static constexpr char hex[] = "0123456789abcdef";
    const auto index = static_cast<unsigned>(slot);
    return std::string{hex[(index >> 4) & 15], hex[index & 15]};
}

Command spell_add_backend(const AddBackend& step, const Version& version) {
    json arguments = {{"qom-type", "memory-backend-file"}, {"id", step.id}};
    // share is always on: without it the guest would get private memory, and nothing would say so.
    json properties = {{"size", step.size}, {"mem-path", step.path}, {"share", true}};
    if (version < flat_object_add) {
        arguments["props"] = std::move(properties);
    } else {
        arguments.update(properties);
    }
    return Command("object-add", arguments);
}

Command spell_add_device(const AddDevice& step) {
    json arguments = {{"driver", qom_type(step.spec.model)},
                      {"id", step.id},
                      {"memdev", step.backend_id},
                      {"master", master_property(step.spec.role)},
                      {"bus", step.spec.bus},
                      {"addr", slot_address(step.spec.slot)}};
    return Command("device_add", arguments);
}

struct Speller {
    const Version& version;

    Command operator()(const AddBackend& step) const { return spell_add_backend(step, version); }
    Command operator()(const AddDevice& step) const { return spell_add_device(step); }
    Command operator()(const DelBackend& step) const { return with_id("object-del", step.id); }
    Command operator()(const DelDevice& step) const { return with_id("device_del", step.id); }
    Command operator()(const DelChardev& step) const { return with_id("chardev-remove", step.id); }

    static Command with_id(const char* name, const std::string& id) {
        return Command(name, json({{"id", id}}));
    }
};

}  // namespace

Command spell(const ivshmemd::Command& command, const Version& version) {
    return std::visit(Speller{version}, command);
}

UnplugRefusal classify_unplug_refusal(const ErrorReply& error) {
    if (error.error_class == "DeviceNotFound") return UnplugRefusal::no_such_device;
    // The class is GenericError for both of these in every version; only the text tells.
    const auto says = [&](const char* text) {
        return error.description.find(text) != std::string::npos;
    };
    if (says("already in the process of unplug")) return UnplugRefusal::already_pending;
    if (says("power indicator blinking")) return UnplugRefusal::guest_busy;
    return UnplugRefusal::other;
}

}  // namespace ivshmemd::qmp
