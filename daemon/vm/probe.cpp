#include "daemon/vm/probe.h"

#include "lib/names.h"
#include "lib/run_state.h"
#include "proto/qmp/dialect.h"
#include "proto/qmp/queries.h"

namespace ivshmemd {
namespace {

constexpr Model all_models[] = {Model::legacy, Model::plain, Model::doorbell};

std::set<Model> models_of(const std::vector<std::string>& types) {
    std::set<Model> models;
    for (const std::string& type : types) {
        if (const std::optional<Model> model = model_from_qom_type(type)) models.insert(*model);
    }
    return models;
}

std::vector<qmp::Command> commands_for(ProbeMethod method) {
    std::vector<qmp::Command> commands{qmp::qom_get("/machine", "type"), qmp::query_kvm()};
    if (method == ProbeMethod::qom_list_types) {
        commands.push_back(qmp::list_ivshmem_types());
        return commands;
    }
    for (const Model model : all_models) {
        commands.push_back(qmp::list_device_properties(qom_type(model)));
    }
    return commands;
}

// Those of our names on a command line: "...,id=ivshmemd.NAME,..." or "id":"ivshmemd.NAME".
std::set<std::string> devices_of(const std::vector<std::string>& command_line) {
    std::set<std::string> names;
    for (std::size_t i = 1; i < command_line.size(); ++i) {
        if (command_line[i - 1] != "-device") continue;
        for (const std::string_view mark : {"id=", "\"id\":\""}) {
            const std::size_t at = command_line[i].find(mark);
            if (at == std::string::npos) continue;
            const std::string rest = command_line[i].substr(at + mark.size());
            const auto name = name_of_device_id(rest.substr(0, rest.find_first_of(",\"")));
            if (name) names.insert(*name);
        }
    }
    return names;
}

bool answered(const qmp::Answer& answer) {
    return answer.kind == qmp::Answer::Kind::value || answer.kind == qmp::Answer::Kind::refused;
}

}  // namespace

awaitable<Result<Capabilities>> probe(std::shared_ptr<qmp::Session> session, Version version,
                                      Identity identity, std::string socket_path,
                                      Milliseconds deadline) {
    Capabilities capabilities;
    capabilities.version = version;
    capabilities.only_migratable = is_only_migratable(identity);
    capabilities.bridge = identity.bridge;
    capabilities.started_with = devices_of(identity.command_line);
    capabilities.probe_method = modules_unchanged(identity, socket_path)
                                    ? ProbeMethod::qom_list_types
                                    : ProbeMethod::device_list_properties;
    std::vector<qmp::Command> commands = commands_for(capabilities.probe_method);
    // Of a QEMU in another process namespace, or behind systemd's socket, that is all there is.
    const bool asks_migration = identity.command_line.empty();
    if (asks_migration) commands.push_back(qmp::show_migration(version));
    const std::vector<qmp::Answer> answers =
        co_await session->call_all(std::move(commands), deadline);
    for (const qmp::Answer& answer : answers) {
        if (!answered(answer)) {
            co_return Error(ErrorKind::vm_unavailable, "QEMU does not answer the probe",
                            {{"state", std::string("unresponsive")}});
        }
    }
    if (qmp::says_no_machine(answers[1].error.description)) {
        co_return Error(ErrorKind::vm_unavailable, "QEMU has made no machine yet",
                        {{"state", std::string(preconfig)}});
    }
    if (const std::string* type = as_string(answers[0].get())) capabilities.machine_type = *type;
    capabilities.accelerated = qmp::read_kvm_enabled(answers[1].get());
    capabilities.kvm = capabilities.accelerated && !is_without_kernel_irqchip(identity);
    if (asks_migration) {
        const std::optional<bool> only = qmp::read_only_migratable(answers.back().get());
        capabilities.only_migratable = only.value_or(false);
    }
    if (capabilities.probe_method == ProbeMethod::qom_list_types) {
        capabilities.models = models_of(qmp::read_type_names(answers[2].get()));
        co_return capabilities;
    }
    for (std::size_t i = 0; i < std::size(all_models); ++i) {
        if (answers[i + 2].ok()) capabilities.models.insert(all_models[i]);
    }
    co_return capabilities;
}

}  // namespace ivshmemd
