#include "proto/api/errors.h"

#include <nlohmann/json.hpp>

#include "proto/api/interface_text.h"
#include "proto/api/migration_values.h"

namespace ivshmemd::api {
namespace {

json spell_detail(const std::string& word) {
    return word;
}

json spell_detail(const std::vector<std::string>& words) {
    return words;
}

json spell_detail(const std::vector<Reason>& reasons) {
    return spell_reasons(reasons);
}

json spell_detail(bool flag) {
    return flag;
}

json spell_detail(const std::vector<Error>& faults);

// What an error has beside its message and what it is about.
json spell_parameters(const Error& error) {
    json parameters = json::object();
    for (const auto& [key, value] : error.details) {
        if (key == "device" || key == "key") continue;
        std::visit([&, name = key](const auto& each) { parameters[name] = spell_detail(each); },
                   value);
    }
    return parameters;
}

json spell_fault(const Error& error) {
    json object = {{"error", kind_name(error.kind)}, {"message", error.message}};
    if (!error.vm.empty()) object["vm"] = error.vm;
    for (const char* about : {"device", "key"}) {
        const std::string text = text_detail(error, about);
        if (!text.empty()) object[about] = text;
    }
    json parameters = spell_parameters(error);
    if (!parameters.empty()) object["parameters"] = std::move(parameters);
    return object;
}

json spell_detail(const std::vector<Error>& faults) {
    json array = json::array();
    for (const Error& fault : faults) array.push_back(spell_fault(fault));
    return array;
}

// The first to fail is what the transaction failed of.
void put_first_fault(json& parameters) {
    const json& first = parameters["faults"].front();
    for (const char* key : {"device", "error", "parameters"}) {
        if (first.contains(key)) parameters[key] = json(first[key]);
    }
}

std::string parameter_of(const Error& error) {
    for (const auto& [key, value] : error.details) {
        if (key == "parameter") return std::get<std::string>(value);
    }
    return "";
}

}  // namespace

varlink::ErrorReply spell_error(const Error& error) {
    if (error.kind == ErrorKind::invalid_parameter) {
        return varlink::invalid_parameter(parameter_of(error), error.message);
    }
    if (error.kind == ErrorKind::permission_denied) {
        return varlink::permission_denied(error.message);
    }
    json parameters = spell_parameters(error);
    parameters["message"] = error.message;
    if (!error.vm.empty()) parameters["vm"] = error.vm;
    if (error.kind == ErrorKind::transaction_failed) put_first_fault(parameters);
    return {std::string(interface_name) + "." + std::string(kind_name(error.kind)),
            std::make_shared<const json>(std::move(parameters))};
}

}  // namespace ivshmemd::api
