#include "daemon/config/devices.h"

#include <nlohmann/json.hpp>

#include "lib/size.h"
#include "proto/api/values.h"

namespace ivshmemd {
namespace {

constexpr const char* device_prefix = "vm.device.";

// Each of these puts a value of the right type below its key, for the reader of Attach's
// parameters.
template <class Value>
ValueReader value_into(json& parameters, const char* key, const char* expected) {
    return [&parameters, key, expected](const toml::node& node) -> std::string {
        const auto value = node.value_exact<Value>();
        if (!value) return expected;
        parameters[key] = *value;
        return "";
    };
}

ValueReader word_into(json& parameters, const char* key) {
    return [&parameters, key](const toml::node& node) -> std::string {
        std::string word;
        const std::string expected = text_into(word)(node);
        if (expected.empty()) parameters[key] = word;
        return expected;
    };
}

ValueReader size_into(json& parameters) {
    return [&parameters](const toml::node& node) -> std::string {
        const auto text = node.value_exact<std::string>();
        if (!text) return "expected a size such as \"64M\"";
        const Result<std::uint64_t> size = parse_region_size(*text);
        if (!size) return size.error().message;
        parameters["size"] = *size;
        return "";
    };
}

Readers device_readers(json& parameters) {
    Readers readers{{"size", size_into(parameters)}};
    for (const char* key : {"name", "model", "role", "region", "server", "bus"}) {
        readers[key] = word_into(parameters, key);
    }
    for (const char* key : {"vectors", "slot", "numa"}) {
        readers[key] = value_into<std::int64_t>(parameters, key, "expected a number");
    }
    for (const char* key : {"msi", "ioeventfd", "readonly", "prealloc"}) {
        readers[key] = value_into<bool>(parameters, key, "expected true or false");
    }
    return readers;
}

// The key that an error of the API's reader is about, and its place.
Error device_error(const toml::table& table, const Error& error) {
    std::string key = "name";
    if (error.kind == ErrorKind::bad_size) key = "size";
    for (const auto& [name, value] : error.details) {
        const auto* parameter = std::get_if<std::string>(&value);
        if (name == "parameter" && parameter) key = *parameter;
    }
    const toml::node* node = table.get(key);
    return config_error(device_prefix + key, error.message, node ? node->source() : table.source());
}

}  // namespace

Result<DeviceRequest> read_declared_device(const toml::table& table) {
    json parameters = json::object();
    const Result<void> read = read_table(table, device_prefix, device_readers(parameters));
    if (!read) return read.error();
    Result<DeviceRequest> request = api::read_device_request(parameters);
    if (!request) return device_error(table, request.error());
    return request;
}

}  // namespace ivshmemd
