#include "daemon/config/reader.h"

namespace ivshmemd {

Error config_error(const std::string& key, const std::string& why,
                   const toml::source_region& where) {
    return Error(
        ErrorKind::invalid_parameter,
        "configuration: " + key + ": " + why + " at line " + std::to_string(where.begin.line),
        {{"parameter", key}});
}

Result<void> read_table(const toml::table& table, const std::string& prefix,
                        const Readers& readers) {
    for (const auto& [key, node] : table) {
        const std::string name = prefix + std::string(key.str());
        const auto reader = readers.find(key.str());
        if (reader == readers.end()) return config_error(name, "unknown key", key.source());
        if (const auto* nested = std::get_if<TableReader>(&reader->second)) {
            const Result<void> read = (*nested)(node);
            if (!read) return read.error();
            continue;
        }
        const std::string expected = std::get<ValueReader>(reader->second)(node);
        if (!expected.empty()) return config_error(name, expected, key.source());
    }
    return {};
}

TableReader table_with(std::string prefix, Readers readers) {
    return [prefix = std::move(prefix),
            readers = std::move(readers)](const toml::node& node) -> Result<void> {
        const toml::table* table = node.as_table();
        if (table) return read_table(*table, prefix, readers);
        return config_error(prefix.substr(0, prefix.size() - 1), "expected a table", node.source());
    };
}

TableReader tables_with(std::string key, std::function<Result<void>(const toml::table&)> read) {
    return [key = std::move(key), read = std::move(read)](const toml::node& node) -> Result<void> {
        const std::string expected = "expected [[" + key + "]] tables";
        const toml::array* entries = node.as_array();
        if (!entries) return config_error(key, expected, node.source());
        for (const toml::node& entry : *entries) {
            const toml::table* table = entry.as_table();
            if (!table) return config_error(key, expected, entry.source());
            const Result<void> done = read(*table);
            if (!done) return done.error();
        }
        return {};
    };
}

ValueReader text_into(std::string& target) {
    return [&target](const toml::node& node) -> std::string {
        const auto value = node.value_exact<std::string>();
        if (!value || value->empty()) return "expected a text";
        target = *value;
        return "";
    };
}

ValueReader path_into(std::function<void(std::string)> store) {
    return [store = std::move(store)](const toml::node& node) -> std::string {
        const auto value = node.value_exact<std::string>();
        if (!value || !value->starts_with('/')) return "expected an absolute path";
        store(*value);
        return "";
    };
}

ValueReader paths_into(std::vector<std::string>& target) {
    return [&target](const toml::node& node) -> std::string {
        const ValueReader read_one =
            path_into([&target](std::string path) { target.push_back(std::move(path)); });
        const toml::array* paths = node.as_array();
        if (!paths) return read_one(node);
        for (const toml::node& path : *paths) {
            const std::string fault = read_one(path);
            if (!fault.empty()) return fault;
        }
        return "";
    };
}

}  // namespace ivshmemd
