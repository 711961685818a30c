#include "lib/mapping.h"

#include <algorithm>

namespace ivshmemd {
namespace {

constexpr std::string_view deleted = " (deleted)";

bool is_same_file(const MappedFile& line, const SeenFile& seen) {
    if (line.file == seen.file) return true;
    // On overlayfs and btrfs stat(2) tells another device than /proc does.
    return !seen.numbers_agree && line.file.inode == seen.file.inode && line.path == seen.label;
}

// The end of what these lines cover of one file without a gap, from `offset` on.
std::uint64_t covered_until(std::vector<const MappedFile*> lines, std::uint64_t offset) {
    std::sort(lines.begin(), lines.end(),
              [](const auto* a, const auto* b) { return a->offset < b->offset; });
    std::uint64_t end = offset;
    for (const MappedFile* line : lines) {
        if (line->offset > end) break;
        end = std::max(end, line->offset + line->length);
    }
    return end;
}

template <class Condition>
std::vector<const MappedFile*> lines_where(const std::vector<MappedFile>& maps,
                                           const Condition& condition) {
    std::vector<const MappedFile*> lines;
    for (const MappedFile& line : maps) {
        if (condition(line)) lines.push_back(&line);
    }
    return lines;
}

std::string_view name_of(const MappedFile& line) {
    std::string_view name = line.path;
    if (name.ends_with(deleted)) name.remove_suffix(deleted.size());
    return name;
}

Mapping claimed(const MemoryClaim& claim) {
    Mapping mapping;
    mapping.offset = claim.offset;
    mapping.length = claim.size;
    mapping.shared = claim.shared;
    mapping.writable = !claim.read_only;
    return mapping;
}

// What the kernel says, where these lines cover the claim.
std::optional<Mapping> confirmed(const MemoryClaim& claim,
                                 const std::vector<const MappedFile*>& lines) {
    for (const bool shared : {claim.shared, !claim.shared}) {
        std::vector<const MappedFile*> alike;
        std::copy_if(lines.begin(), lines.end(), std::back_inserter(alike),
                     [&](const MappedFile* line) { return line->shared == shared; });
        if (alike.empty()) continue;
        if (covered_until(alike, claim.offset) < claim.offset + claim.size) continue;
        Mapping mapping = claimed(claim);
        mapping.kind = Mapping::Kind::file;
        mapping.file = alike.front()->file;
        mapping.shared = shared;
        // Where it is shared, the same process may have another device on it that may write; a copy
        // can be written to whatever the file was opened for.
        const bool may_write = !shared || !claim.read_only;
        mapping.writable =
            may_write && std::any_of(alike.begin(), alike.end(),
                                     [](const auto* line) { return line->writable; });
        mapping.verified = true;
        mapping.label = alike.front()->path;
        return mapping;
    }
    return std::nullopt;
}

// Memory without a path is told by its size, where one such file alone has it.
std::optional<Mapping> find_nameless(const MemoryClaim& claim,
                                     const std::vector<MappedFile>& maps) {
    const auto lines = lines_where(maps, [&](const MappedFile& line) {
        return line.path.ends_with(deleted) && line.offset == 0 && line.length == claim.size &&
               line.shared == claim.shared;
    });
    if (lines.size() != 1) return std::nullopt;
    return confirmed(claim, lines);
}

Mapping nameless(const MemoryClaim& claim, const std::vector<MappedFile>* maps) {
    const auto found = maps ? find_nameless(claim, *maps) : std::nullopt;
    Mapping mapping = found.value_or(claimed(claim));
    mapping.kind = Mapping::Kind::anonymous;
    return mapping;
}

Mapping with_names_of(const SeenFile& seen, Mapping mapping) {
    mapping.path = seen.path;
    mapping.label = seen.label;
    return mapping;
}

Mapping find_file(const MemoryClaim& claim, const SeenFile& seen,
                  const std::vector<MappedFile>& maps) {
    const bool is_there = seen.kind == SeenFile::Kind::file;
    const auto lines = lines_where(
        maps, [&](const MappedFile& line) { return is_there && is_same_file(line, seen); });
    if (auto mapping = confirmed(claim, lines)) {
        mapping->file = seen.file;  // the numbers that others are compared by
        return with_names_of(seen, *mapping);
    }
    // Its file has lost that name, or has another one here.
    const auto by_name =
        lines_where(maps, [&](const MappedFile& line) { return name_of(line) == seen.label; });
    if (auto mapping = confirmed(claim, by_name)) return *mapping;
    Mapping mapping = claimed(claim);
    mapping.label = seen.label;
    mapping.verified = seen.numbers_agree;  // that it is not the file at that path
    return mapping;
}

}  // namespace

std::string_view sharing_name(Sharing sharing) {
    switch (sharing) {
        case Sharing::shared:
            return "shared";
        case Sharing::private_:
            return "private";
        case Sharing::unverified:
            return "unverified";
    }
    return "";
}

PathMatch match_path(const Mapping& mapping, const std::string& path,
                     const RegionIdentity& at_path) {
    if (path.empty() || !mapping.verified) return PathMatch::unknown;
    if (mapping.file == at_path && mapping.kind == Mapping::Kind::file) return PathMatch::same;
    if (mapping.kind == Mapping::Kind::anonymous) return PathMatch::unknown;
    const bool has_lost_it = mapping.label == path + std::string(deleted);
    return has_lost_it ? PathMatch::replaced : PathMatch::elsewhere;
}

Sharing sharing_of(const Mapping& mapping) {
    if (!mapping.shared) return Sharing::private_;
    const bool is_known = mapping.verified && mapping.kind != Mapping::Kind::unknown;
    return is_known ? Sharing::shared : Sharing::unverified;
}

bool is_nameless(const Mapping& mapping) {
    return mapping.path.starts_with("/proc/");
}

Mapping whole_file(const RegionIdentity& file, std::uint64_t length) {
    Mapping mapping;
    mapping.kind = Mapping::Kind::file;
    mapping.file = file;
    mapping.length = length;
    return mapping;
}

bool may_share(const Mapping& a, const Mapping& b) {
    if (!a.shared || !b.shared) return false;
    if (a.kind == Mapping::Kind::unknown || b.kind == Mapping::Kind::unknown) return true;
    if (a.file == RegionIdentity{} || a.file != b.file) return false;
    const bool a_before_b = a.length != 0 && a.offset + a.length <= b.offset;
    const bool b_before_a = b.length != 0 && b.offset + b.length <= a.offset;
    return !a_before_b && !b_before_a;
}

Mapping find_mapping(const MemoryClaim& claim, const SeenFile& seen,
                     const std::vector<MappedFile>* maps) {
    if (!claim.has_path || seen.kind == SeenFile::Kind::directory) return nameless(claim, maps);
    if (maps) return find_file(claim, seen, *maps);
    Mapping mapping = with_names_of(seen, claimed(claim));
    if (seen.kind == SeenFile::Kind::file) {
        mapping.kind = Mapping::Kind::file;
        mapping.file = seen.file;
    }
    return mapping;
}

}  // namespace ivshmemd
