#include <nlohmann/json.hpp>

#include "daemon/api/methods.h"
#include "daemon/state/regions.h"
#include "daemon/vm/region_removal.h"
#include "lib/names.h"

namespace ivshmemd {
namespace {

// What a migration took out comes back with the content that the region has.
std::string awaited_by(const Host& host, const std::string& path) {
    for (const MigrationRecord& record : host.store->get().migrations) {
        for (const DeviceSpec& spec : record.devices) {
            if (!spec.region || host.regions.path_of(*spec.region) != path) continue;
            return record.vm + "/" + spec.name;
        }
    }
    return "";
}

Error not_there(const std::string& region) {
    return Error(ErrorKind::region_unavailable, "there is no region '" + region +
                                                    "'; 'ivshmemctl regions' lists those there "
                                                    "are");
}

Error is_device(const std::string& path) {
    return Error(ErrorKind::region_mismatch,
                 path + " is memory of a driver, which is never made or removed");
}

Error not_ours(const std::string& path) {
    return Error(ErrorKind::region_mismatch,
                 path + " was not made by ivshmemd, which removes only what it made; 'rm " + path +
                     "', once nobody uses it");
}

Error stays(const std::string& path, const std::string& why) {
    return Error(ErrorKind::region_unavailable, "region " + path + " stays: " + why);
}

// The file to be removed.
Result<RegionRemoval> find_region(const Host& host, const std::string& region) {
    const Result<void> named = check_region_name(region);
    if (!named) return named.error();
    const Result<void> place = host.regions.places().check(region);
    if (!place) return place.error();
    const std::string path = host.regions.path_of(region);
    if (host.regions.places().device_at(path)) return is_device(path);
    const std::optional<RegionIdentity> there = RegionFiles::identity(path);
    if (!there) return not_there(region);
    const std::optional<RegionIdentity> made = created_region(*host.store, path);
    if (made != there) return not_ours(path);
    const std::string awaited = awaited_by(host, path);
    if (!awaited.empty()) {
        const std::string vm = awaited.substr(0, awaited.find('/'));
        return stays(path, awaited +
                               " is out of its VM for a time, and comes back to it; "
                               "'ivshmemctl replug " +
                               vm + " --forget' gives it up");
    }
    return RegionRemoval{path, *made, "", host.deadlines.region_free};
}

}  // namespace

awaitable<Result<Document>> remove_region(std::shared_ptr<CallContext> context) {
    Host& host = context->host;
    Result<RegionRemoval> removal =
        find_region(host, *as_string(find(context->parameters(), "region")));
    if (!removal) co_return removal.error();
    const std::string path = removal->path;
    const std::optional<std::string> kept =
        co_await remove_region_by_hand(host, std::move(*removal));
    if (kept) co_return stays(path, *kept);
    co_return reply_of(json::object());
}

}  // namespace ivshmemd
