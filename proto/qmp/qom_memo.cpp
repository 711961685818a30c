#include "proto/qmp/qom_memo.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

namespace ivshmemd::qmp {
namespace {

// The properties that readers look for. Of a thousand objects with a hundred each, these few are
// kept.
constexpr std::array looked_for{"acpi-pci",       "addr",     "chassis",
                                "hotplug",        "pci-hole", "power_controller_present",
                                "pref64-reserve", "shpc",     "slot"};

bool is_looked_for(std::string_view name) {
    return std::any_of(looked_for.begin(), looked_for.end(),
                       [&](const char* each) { return name.starts_with(each); });
}

QomMemo::Listing read_listing(const json* reply) {
    QomMemo::Listing listing;
    listing.exists = reply != nullptr;
    for (QomEntry& entry : read_qom_list(reply)) {
        if (!entry.child_type().empty()) {
            listing.children.push_back(std::move(entry));
        } else if (entry.name.starts_with("child[")) {
            listing.links.push_back(std::move(entry.name));
        } else if (is_looked_for(entry.name)) {
            listing.properties.insert(std::move(entry.name));
        }
    }
    return listing;
}

// Whether `key` is about the object at `path` or one below it.
bool concerns(std::string_view key, std::string_view path) {
    if (!key.starts_with(path)) return false;
    return key.size() == path.size() || key[path.size()] == '/' || key[path.size()] == '\n';
}

}  // namespace

bool QomMemo::Listing::has(std::string_view property) const {
    return properties.contains(std::string(property));
}

bool QomMemo::Listing::has_prefix(std::string_view prefix) const {
    return std::any_of(properties.begin(), properties.end(),
                       [&](const std::string& each) { return each.starts_with(prefix); });
}

void QomMemo::begin() {
    end();
    missing_.clear();
    asked_.clear();
}

void QomMemo::end() {
    listings_.momentary.clear();
    values_.momentary.clear();
}

void QomMemo::put(const std::string& path, const json* listing) {
    Listing now = read_listing(listing);
    std::set<std::pair<std::string, std::string>> there;
    for (const QomEntry& each : now.children) there.emplace(each.name, each.type);
    for (const QomEntry& each : before_[path]) {
        if (!there.contains({each.name, each.type})) forget(path + "/" + each.name);
    }
    before_[path] = now.children;
    listings_.momentary.insert_or_assign(path, std::move(now));
}

void QomMemo::forget(std::string_view path) {
    const auto about = [&](const auto& each) { return concerns(each.first, path); };
    std::erase_if(listings_.lasting, about);
    std::erase_if(listings_.momentary, about);
    std::erase_if(values_.lasting, about);
    std::erase_if(values_.momentary, about);
}

const QomMemo::Listing& QomMemo::lasting_list(const std::string& path) {
    return listed(listings_.lasting, path);
}

const QomMemo::Listing& QomMemo::list(const std::string& path) {
    return listed(listings_.momentary, path);
}

const json* QomMemo::lasting(const std::string& path, const std::string& property) {
    return lasting(path, property, path);
}

const json* QomMemo::lasting(const std::string& path, const std::string& property,
                             const std::string& of) {
    return known(values_.lasting, of + "\n" + property, path, property);
}

const json* QomMemo::get(const std::string& path, const std::string& property) {
    return known(values_.momentary, path + "\n" + property, path, property);
}

bool QomMemo::is_missing(const std::string& path) const {
    const auto found = listings_.momentary.find(path);
    return found != listings_.momentary.end() && !found->second.exists;
}

const QomMemo::Listing& QomMemo::listed(std::map<std::string, Listing, std::less<>>& known,
                                        const std::string& path) {
    static const Listing unknown;
    const auto found = known.find(path);
    if (found != known.end()) return found->second;
    if (asked_.insert(path).second) {
        missing_.push_back({qom_list(path), [&known, path](const Response& reply) {
                                known.insert_or_assign(path, read_listing(reply.value));
                            }});
    }
    return unknown;
}

const json* QomMemo::known(std::map<std::string, json, std::less<>>& values, const std::string& key,
                           const std::string& path, const std::string& property) {
    static const json unknown;
    const auto found = values.find(key);
    if (found != values.end()) return &found->second;
    if (asked_.insert(key).second) {
        missing_.push_back({qom_get(path, property), [&values, key](const Response& reply) {
                                values.insert_or_assign(key, reply.value ? *reply.value : json());
                            }});
    }
    return &unknown;
}

std::vector<Question> QomMemo::missing() {
    asked_.clear();
    return std::exchange(missing_, {});
}

}  // namespace ivshmemd::qmp
