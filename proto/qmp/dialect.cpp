#include "proto/qmp/dialect.h"

#include <nlohmann/json.hpp>

#include "proto/qmp/queries.h"

namespace ivshmemd::qmp {
namespace {

constexpr Version flat_object_add{5, 2, 0};
constexpr Version globals_on_demand{10, 1, 0};

Command spell_add_backend(const AddBackend& step, const Version& version) {
    json arguments = json::object();  // member by member: a list of them would be copied twice
    arguments["qom-type"] = "memory-backend-file";
    arguments["id"] = step.id;
    json& properties = version < flat_object_add ? arguments["props"] : arguments;
    properties["size"] = step.size;
    properties["mem-path"] = step.path;
    // Always: without it the guest would get private memory, and nothing would say so.
    properties["share"] = true;
    if (step.readonly) properties["readonly"] = true;
    if (step.prealloc) properties["prealloc"] = true;
    if (step.numa) {
        properties["host-nodes"] = json::array({*step.numa});
        properties["policy"] = "bind";
    }
    return Command("object-add", arguments);
}

// Where legacy devices look for their memory by name.
constexpr std::string_view legacy_directory = "/dev/shm/";

json place_of(const AddDevice& step) {
    json arguments = json::object();
    arguments["driver"] = qom_type(step.spec.model);
    arguments["id"] = step.id;
    arguments["bus"] = step.parts.bus_address;
    arguments["addr"] = slot_address(step.spec.slot);
    return arguments;
}

json spell_legacy(const AddDevice& step) {
    json arguments = place_of(step);
    arguments["role"] = role_name(step.spec.role);
    // A bare number would be MiB.
    arguments["size"] = std::to_string(step.spec.size) + "B";
    if (!step.spec.server) {
        arguments["shm"] = step.parts.memory_path.substr(legacy_directory.size());
        return arguments;
    }
    arguments["chardev"] = step.parts.chardev_id;
    arguments["msi"] = step.spec.msi.value_or(true);
    arguments["ioeventfd"] = step.spec.ioeventfd.value_or(step.spec.msi.value_or(true));
    arguments["vectors"] = step.spec.vectors.value_or(1);
    return arguments;
}

Command spell_add_device(const AddDevice& step) {
    if (step.spec.model == Model::legacy) return Command("device_add", spell_legacy(step));
    json arguments = place_of(step);
    arguments["master"] = master_property(step.spec.role);
    if (step.spec.model == Model::plain) {
        arguments["memdev"] = step.parts.backend_id;
    } else {
        arguments["chardev"] = step.parts.chardev_id;
        arguments["vectors"] = step.spec.vectors.value_or(1);
        arguments["ioeventfd"] = step.spec.ioeventfd.value_or(true);
    }
    return Command("device_add", arguments);
}

Command spell_add_chardev(const AddChardev& step) {
    // "server" is true unless it is sent: QEMU would listen.
    const json backend = {
        {"type", "socket"},
        {"data",
         {{"addr", {{"type", "fd"}, {"data", {{"str", step.fd_name}}}}}, {"server", false}}}};
    return Command("chardev-add", json({{"id", step.id}, {"backend", backend}}));
}

Command with_fd_name(const char* command, const std::string& name) {
    return Command::of_texts(command, {{"fdname", name}});
}

struct Speller {
    const Version& version;

    Command operator()(const AddBackend& step) const { return spell_add_backend(step, version); }
    Command operator()(const AddDevice& step) const { return spell_add_device(step); }
    Command operator()(const DelBackend& step) const { return with_id("object-del", step.id); }
    Command operator()(const DelDevice& step) const { return with_id("device_del", step.id); }
    Command operator()(const PassFd& step) const { return with_fd_name("getfd", step.name); }
    Command operator()(const CloseFd& step) const { return with_fd_name("closefd", step.name); }
    Command operator()(const AddChardev& step) const { return spell_add_chardev(step); }
    Command operator()(const DelChardev& step) const { return with_id("chardev-remove", step.id); }
    Command operator()(const AskBus& step) const {
        return qom_get("/machine/peripheral/" + step.id, "parent_bus");
    }

    static Command with_id(const char* name, const std::string& id) {
        return Command::of_texts(name, {{"id", id}});
    }
};

}  // namespace

std::string slot_address(int slot) {
    static constexpr char hex[] = "0123456789abcdef";
    const auto index = static_cast<unsigned>(slot);
    return std::string{hex[(index >> 4) & 15], hex[index & 15]};
}

Command spell(const ivshmemd::Command& command, const Version& version) {
    return std::visit(Speller{version}, command);
}

bool is_migration_refusal(const ErrorReply& error) {
    return error.description.find("not allowed while migrating") != std::string::npos;
}

// No query and no property tells the globals.
Command show_migration(const Version& version) {
    const bool asks = version >= globals_on_demand;
    return Command::of_texts("human-monitor-command",
                             {{"command-line", asks ? "info migrate -a" : "info migrate"}});
}

std::optional<bool> read_only_migratable(const json* reply) {
    const std::string* text = as_string(reply);
    if (!text) return std::nullopt;
    constexpr std::string_view label = "only-migratable:";
    const std::size_t at = text->find(label);
    if (at == std::string::npos) return std::nullopt;
    const std::size_t word = text->find_first_not_of(' ', at + label.size());
    if (word == std::string::npos) return std::nullopt;
    if (text->compare(word, 3, "off") == 0) return false;
    if (text->compare(word, 2, "on") == 0) return true;
    return std::nullopt;
}

// 3.1 has an underscore in it; every later one says the same.
bool is_only_migratable_refusal(const ErrorReply& error) {
    const auto says = [&](const char* text) {
        return error.description.find(text) != std::string::npos;
    };
    return says("(--only-migratable)") || says("(--only_migratable)");
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
