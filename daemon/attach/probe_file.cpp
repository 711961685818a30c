#include "daemon/attach/probe_file.h"

#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <random>

#include "daemon/region/lease.h"
#include "daemon/region/unlink.h"
#include "daemon/vm/executor.h"
#include "lib/names.h"

namespace ivshmemd {
namespace {

constexpr const char* prefix = ".ivshmemd.";

std::string unheard_of_name() {
    std::random_device random;
    return prefix + std::to_string(random()) + std::to_string(random());
}

void remove_stale_files_in(const std::string& directory) {
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator(directory, error)) {
        if (!entry.path().filename().string().starts_with(prefix)) continue;
        const std::optional<RegionIdentity> file = RegionFiles::identity(entry.path());
        if (file) unlink_unused(entry.path(), *file);
    }
}

/// A small file with a name, for as long as this lives.
class ProbeFile {
  public:
    explicit ProbeFile(std::string path) : path_(std::move(path)) {}
    ProbeFile(const ProbeFile&) = delete;
    ProbeFile& operator=(const ProbeFile&) = delete;
    ~ProbeFile() { ::unlink(path_.c_str()); }

  private:
    std::string path_;
};

// Where the region is, so that its directory and not another one is tried.
struct Place {
    std::string region;  // as RegionFiles calls a file beside it
    std::string path;
};

Place place_beside(const RegionFiles& files, const std::string& region) {
    const std::size_t colon = region.find(':');
    const std::string directory = colon == std::string::npos ? "" : region.substr(0, colon + 1);
    const std::string name = directory + unheard_of_name();
    return {name, files.path_of(name)};
}

// The next one that is free, with the region's own there.
std::string id_beside(const Vm& vm, const DeviceSpec& spec, const std::string& backend) {
    Inventory inventory = vm.inventory();
    inventory.backends.push_back({.id = backend, .path = {}});
    return fresh_backend_id(inventory, spec.name);
}

}  // namespace

awaitable<SeenDirectory> probe_directory(std::shared_ptr<Vm> vm, const Decision& decision,
                                         const Parts& parts, std::string& made) {
    Host& host = vm->host();
    const Place place = place_beside(host.regions, *decision.spec.region);
    const auto make = [files = host.regions, place, user = vm->qemu_user()] {
        return files.create(place.region, files.smallest_size(place.region), user);
    };
    const Result<RegionIdentity> file = co_await host.remover.run(make);
    if (!file) co_return SeenDirectory::untold;
    const ProbeFile owner(place.path);
    const std::string id = id_beside(*vm, decision.spec, parts.backend_id);
    AddBackend add{id, place.path, host.regions.smallest_size(place.region)};
    add.readonly = decision.spec.readonly;
    std::vector<Command> commands{add};
    const Execution added = co_await execute(vm, std::move(commands), host.deadlines.add);
    if (!added.all_done() || vm->session() != decision.session) co_return SeenDirectory::untold;
    const auto ask = [path = place.path, identity = *file] { return find_openers(path, identity); };
    const Openers openers = co_await host.looker.run(ask);
    const bool gone = co_await delete_backend(vm, id, decision.spec.name);
    if (!gone) co_return SeenDirectory::untold;
    if (openers == Openers::somebody) co_return SeenDirectory::same;
    if (openers != Openers::nobody) co_return SeenDirectory::untold;
    made = place.path;
    co_return SeenDirectory::another;
}

void remove_stale_probe_files(const RegionPlaces& places) {
    remove_stale_files_in(places.directory);
    for (const auto& [name, directory] : places.directories) remove_stale_files_in(directory);
}

}  // namespace ivshmemd
