#include "daemon/ctl/topology_file.h"

#include <toml++/toml.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <iostream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <sstream>

#include "lib/names.h"
#include "proto/varlink/framing.h"

namespace ivshmemd::ctl {
namespace {

constexpr JsonLimits topology_limits{varlink::long_request_limit, 32, true, true};

Error bad_topology(const std::string& path, const std::string& what) {
    return Error(ErrorKind::invalid_parameter, path + ": " + what,
                 {{"parameter", std::string("topology")}});
}

std::optional<std::string> text_of(const std::string& path) {
    if (path == "-") return std::string(std::istreambuf_iterator<char>(std::cin), {});
    errno = 0;
    std::ifstream file(path);
    std::ostringstream text;
    // A directory opens, and has nothing to read.
    if (file && file.peek() != std::ifstream::traits_type::eof()) text << file.rdbuf();
    if (!file && errno != 0) return std::nullopt;
    return text.str();
}

// TOML's values as JSON's. What JSON has no word for becomes its TOML text, which the daemon does
// not take for a value of any key.
class Converter {
  public:
    explicit Converter(std::map<std::string, int>& lines) : lines_(lines) {}

    json convert(const toml::node& node, const std::string& pointer) {
        lines_[pointer] = static_cast<int>(node.source().begin.line);
        if (const toml::table* table = node.as_table()) return convert_table(*table, pointer);
        if (const toml::array* array = node.as_array()) return convert_array(*array, pointer);
        if (const auto text = node.value_exact<std::string>()) return *text;
        if (const auto number = node.value_exact<std::int64_t>()) return *number;
        if (const auto flag = node.value_exact<bool>()) return *flag;
        if (const auto fraction = node.value_exact<double>()) return *fraction;
        return json::object();
    }

  private:
    json convert_table(const toml::table& table, const std::string& pointer) {
        json object = json::object();
        for (const auto& [key, value] : table) {
            std::string word(key.str());
            object[word] = convert(value, pointer + "/" + word);
            lines_[pointer + "/" + word] = static_cast<int>(key.source().begin.line);
        }
        return object;
    }

    json convert_array(const toml::array& array, const std::string& pointer) {
        json list = json::array();
        for (std::size_t i = 0; i < array.size(); ++i) {
            list.push_back(convert(array[i], pointer + "/" + std::to_string(i)));
        }
        return list;
    }

    std::map<std::string, int>& lines_;
};

Result<TopologyFile> parse_as_json(const std::string& text, const std::string& path) {
    const ParsedJson parsed = parse_json(text, topology_limits);
    if (!parsed) return bad_topology(path, parsed.detail);
    return TopologyFile{parsed.value};
}

void add_value(toml::table& table, const std::string& key, const json& value) {
    if (const std::string* text = as_string(&value)) table.insert(key, *text);
    if (const auto number = as_int(&value)) table.insert(key, *number);
    if (const auto flag = as_bool(&value)) table.insert(key, *flag);
    if (!value.is_array()) return;
    toml::array words;
    for (const json& each : value) {
        if (const std::string* text = as_string(&each)) words.push_back(*text);
    }
    table.insert(key, std::move(words));
}

}  // namespace

std::string TopologyFile::line_of(const std::string& pointer) const {
    for (std::string whole = pointer;; whole = whole.substr(0, whole.rfind('/'))) {
        const auto found = lines.find(whole);
        if (found != lines.end() && !whole.empty()) return std::to_string(found->second);
        if (whole.find('/') == std::string::npos) return "";
    }
}

Result<TopologyFile> parse_topology(const std::string& text, const std::string& path) {
    if (text.size() > varlink::long_request_limit) return bad_topology(path, "longer than 4 MiB");
    const std::size_t begin = text.find_first_not_of(" \t\r\n");
    if (begin != std::string::npos && text[begin] == '{') return parse_as_json(text, path);
    try {
        const toml::table table = toml::parse(text, path);
        TopologyFile file;
        file.topology = std::make_shared<const json>(Converter(file.lines).convert(table, ""));
        return file;
    } catch (const toml::parse_error& error) {
        return bad_topology(path + ":" + std::to_string(error.source().begin.line),
                            std::string(error.description()));
    }
}

Result<TopologyFile> read_topology_file(const std::string& path) {
    const std::optional<std::string> text = text_of(path);
    if (text) return parse_topology(*text, path == "-" ? "standard input" : path);
    return bad_topology(path, std::strerror(errno));
}

std::string topology_as_toml(const json& topology) {
    std::ostringstream out;
    for (const char* kind : {"region", "doorbell", "device"}) {
        const json* entries = as_array(find(topology, kind));
        for (std::size_t i = 0; entries && i < entries->size(); ++i) {
            out << (out.tellp() > 0 ? "\n" : "") << "[[" << kind << "]]\n";
            // The name first, the rest by key.
            toml::table name;
            toml::table rest;
            for (const auto& [key, value] : (*entries)[i].items()) {
                add_value(key == "name" ? name : rest, key, value);
            }
            out << name << '\n';
            if (!rest.empty()) out << rest << '\n';
        }
    }
    return out.str();
}

}  // namespace ivshmemd::ctl
