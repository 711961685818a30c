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
    json parameters = {{"message", error.message}};
    if (!error.vm.empty()) parameters["vm"] = error.vm;
    for (const auto& [key, value] : error.details) {
        std::visit([&, name = key](const auto& each) { parameters[name] = spell_detail(each); },
                   value);
    }
    return {std::string(interface_name) + "." + std::string(kind_name(error.kind)),
            std::make_shared<const json>(std::move(parameters))};
}

}  // namespace ivshmemd::api
