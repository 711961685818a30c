#include "daemon/config/unit.h"

#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>

#include "daemon/base/access.h"
#include "daemon/base/accounts.h"
#include "proto/unit_file.h"

namespace ivshmemd {
namespace {

constexpr const char* unit_name = "ivshmemd.service";
// Those of systemd; what stands in an earlier one counts.
constexpr const char* unit_directories[] = {"/etc/systemd/system", "/run/systemd/system",
                                            "/usr/local/lib/systemd/system",
                                            "/usr/lib/systemd/system", "/lib/systemd/system"};

std::optional<std::string> text_of(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    if (!file) return std::nullopt;
    return std::string((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
}

std::optional<std::string> unit_text(const std::string& root) {
    for (const char* directory : unit_directories) {
        std::optional<std::string> text = text_of(root + directory + "/" + unit_name);
        if (text) return text;
    }
    return std::nullopt;
}

// By their names, as they are read.
std::map<std::string, std::string> find_drop_ins(const std::string& root) {
    std::map<std::string, std::string> paths;
    for (const char* directory : unit_directories) {
        std::error_code error;
        const std::string place = root + directory + "/" + unit_name + ".d";
        for (const auto& entry : std::filesystem::directory_iterator(place, error)) {
            if (entry.path().extension() != ".conf") continue;
            paths.emplace(entry.path().filename().string(), entry.path().string());
        }
    }
    return paths;
}

// Whoever checks a configuration for a service is not the one whom its directories must admit.
int own_error(const Place& place, const std::optional<UnitSandbox>& unit) {
    const int error = error_at(place);
    const bool is_other = unit && user_id(unit->user.empty() ? "root" : unit->user) != ::geteuid();
    return error == EACCES && is_other ? 0 : error;
}

}  // namespace

std::optional<UnitSandbox> read_unit(const std::string& root) {
    const std::optional<std::string> text = unit_text(root);
    if (!text) return std::nullopt;
    UnitSandbox unit;
    add_unit_text(unit, *text);
    for (const auto& [name, path] : find_drop_ins(root)) {
        add_unit_text(unit, text_of(path).value_or(""));
    }
    return unit;
}

std::vector<std::string> warn_of_places(const Config& config,
                                        const std::optional<UnitSandbox>& unit) {
    std::vector<std::string> warnings;
    const std::string user = unit && !unit->user.empty() ? unit->user : user_name(::geteuid());
    for (Place place : list_places(config.places())) {
        place.error = own_error(place, unit);
        std::string whom = "ivshmemd";
        if (place.error == 0 && unit) {
            place.error = unit->error_at(place);
            whom = unit_name;
        }
        if (place.error == 0) continue;
        warnings.push_back(fault_of_place(place, whom) + "; " + mend_place(place, user));
    }
    return warnings;
}

}  // namespace ivshmemd
