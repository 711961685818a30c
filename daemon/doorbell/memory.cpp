#include "daemon/doorbell/memory.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "daemon/region/files.h"
#include "lib/region.h"
#include "lib/size.h"

namespace ivshmemd::doorbell {
namespace {

// A bound for typing errors; the host's memory is the real one.
constexpr std::uint64_t size_limit = std::uint64_t{1} << 40;

Error unavailable(const std::string& what, int error) {
    return Error(ErrorKind::region_unavailable, what + ": " + std::strerror(error));
}

Result<RegionPlan> check(const std::string& path, std::uint64_t size, const RegionFacts& facts) {
    const Result<RegionPlan> plan = check_region(path, size, facts, {::geteuid(), ::geteuid(), {}});
    if (!plan && plan.error().kind == ErrorKind::permission_denied) {
        return Error(ErrorKind::permission_denied,
                     path + " belongs to user " + std::to_string(facts.owner) +
                         ", who could truncate it and kill the VMs; it must belong to root or to "
                         "the user this server runs as");
    }
    return plan;
}

Result<Memory> open_existing(const std::string& path, std::uint64_t size) {
    Memory memory{UniqueFd(::open(path.c_str(), O_RDWR | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK)),
                  size, "region " + path};
    if (!memory.descriptor) return unavailable("cannot open region " + path, errno);
    struct stat status {};
    if (::fstat(memory.descriptor.get(), &status) != 0) {
        return unavailable("cannot look at region " + path, errno);
    }
    // What was opened counts, not what was there before.
    const Result<RegionPlan> plan =
        check(path, size,
              {true, status.st_mode, status.st_uid, static_cast<std::uint64_t>(status.st_size)});
    if (!plan) return plan.error();
    return memory;
}

}  // namespace

Result<Memory> open_region(const std::string& path, std::optional<std::uint64_t> size,
                           std::optional<gid_t> group) {
    const std::filesystem::path file = std::filesystem::absolute(path).lexically_normal();
    const RegionFacts facts = RegionFiles::inspect(file);
    const Result<std::uint64_t> bytes = decide_size(size, facts, size_limit);
    if (!bytes) return bytes.error();
    const Result<RegionPlan> plan = check(file, *bytes, facts);
    if (!plan) return plan.error();
    const RegionFiles files({file.parent_path()}, group);
    if (!plan->create && !plan->fill) {
        const Result<void> reserved = files.complete(RegionFiles::look(file), file, *bytes);
        if (!reserved) return reserved.error();
    }
    if (plan->fill) {
        const RegionIdentity empty =
            RegionFiles::identity(file.string()).value_or(RegionIdentity());
        const Result<void> filled = files.fill(file, empty, *bytes);
        if (!filled) return filled.error();
    }
    if (plan->create) {
        const auto made = files.create(file.filename(), *bytes, ::geteuid());
        if (!made) return made.error();
    }
    return open_existing(file, *bytes);
}

Result<Memory> make_sealed_memory(std::optional<std::uint64_t> size) {
    const Result<std::uint64_t> bytes = decide_size(size, {}, size_limit);
    if (!bytes) return bytes.error();
    Memory memory{UniqueFd(::memfd_create("ivshmem", MFD_CLOEXEC | MFD_ALLOW_SEALING)), *bytes,
                  "sealed memory"};
    if (!memory.descriptor) return unavailable("cannot make memory", errno);
    const int reserved = ::posix_fallocate(memory.descriptor.get(), 0, static_cast<off_t>(*bytes));
    if (reserved != 0) return unavailable("cannot reserve memory", reserved);
    if (::fcntl(memory.descriptor.get(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL)) {
        return unavailable("cannot seal memory", errno);
    }
    return memory;
}

}  // namespace ivshmemd::doorbell
