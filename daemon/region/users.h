#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "daemon/region/files.h"

// Who uses a region. There are three answers, and whoever asks must take all of them into account:
// who maps it, whose attach is about to, and which VMs cannot tell.
//
// - Only "nobody, and everybody was asked" lets a region lose its name or be taken back.
// - A VM that was not read yet, that does not answer, or whose monitor another client holds cannot
//   tell. What it was known to map last counts as mapped all the same, and its masters as masters,
//   until that QEMU is known to be gone.
// - A VM that is not there at all uses nothing: one that is switched off holds up nobody.
// - Whose memory cannot be told may be using any region: its masters count as masters of all. Only
//   the removal of a file leaves those to the kernel, which knows.
// - A private mapping is nobody's business: what it holds is its own.
// - A region that is losing its name is in nobody's hands: an attach waits until that is over.
// - Of a thousand VMs few attach anything at a time: only those that say so (ComingMark) are asked
//   what is coming.
//
// What other programs of the host do, only the kernel knows: see unlink_unused().
namespace ivshmemd {

/// How much of what a VM uses is known.
enum class Sight {
    whole,    // its QEMU told it and answers
    partial,  // it cannot be asked now: what is known may be old, and may not be all
    nobody,   // there is no QEMU
};

/// Memory in a VM.
struct MemoryUser {
    std::string device;  // its name in the VM, or the name of what is left of it
    Mapping memory;
    bool master = false;  // carries the memory's content along in a migration
};

/// A VM as far as its memory is concerned.
class RegionSource {
  public:
    virtual ~RegionSource() = default;
    virtual const std::string& name() const = 0;
    virtual const std::string& uuid() const = 0;
    virtual Sight sight() const = 0;
    /// What it maps, or mapped when it was last read; nothing once that QEMU is known to be gone.
    virtual std::vector<MemoryUser> memory_users() const = 0;
    /// What a running attach is about to map. Asked for only while a ComingMark of it lives.
    virtual std::optional<MemoryUser> coming() const = 0;
    /// It waits for a migration or has left by one, and holds its memory for the other end.
    virtual bool holds_for_migration() const = 0;
    /// Of these the former: what arrives overwrites the memory that it is a master of.
    virtual bool awaits_migration() const = 0;
};

/// All VMs as users of regions.
class RegionUsers {
  public:
    struct Answer {
        std::vector<std::string> mapped;       // "VM/NAME"
        std::vector<std::string> coming;       // "VM/NAME"
        std::vector<std::string> cannot_tell;  // VMs

        /// True only when everybody was asked.
        bool nobody() const { return mapped.empty() && coming.empty() && cannot_tell.empty(); }
        /// Why the region stays, and what to do about it; for people.
        std::string in_words() const;
    };

    void add(std::shared_ptr<const RegionSource> vm);
    void remove(const std::string& vm) { vms_.erase(vm); }

    /// Who uses any of this file. An attach of `failed`, "VM/NAME", is not coming any more.
    Answer ask(const RegionIdentity& region, const std::string& failed = "") const;

    /// Whether an attach of any of this file is under way, other than that of `except`, "VM/NAME".
    bool is_coming(const RegionIdentity& region, const std::string& except) const;

    /// Says that a VM attaches something, for as long as this lives.
    class ComingMark {
      public:
        ComingMark(RegionUsers& users, const RegionSource& vm);
        ComingMark(const ComingMark&) = delete;
        ComingMark& operator=(const ComingMark&) = delete;
        ~ComingMark();

      private:
        RegionUsers& users_;
        const RegionSource& vm_;
    };

    /// For a VM of this UUID: "VM/NAME" of a master of this memory, or of any part of it, that is
    /// there or coming, other than `except`; empty when none is known. Of VMs that wait for a
    /// migration those count that are certainly others: this one may be the source of the rest.
    std::string find_master(const Mapping& memory, const std::string& uuid,
                            const std::set<std::string>& except) const;

    /// The same for a VM that waits for a migration itself: its source may be a master on
    /// this host, so only those of VMs that are certainly others count. They count while they wait,
    /// too: the later of two migrations would overwrite what the earlier one brought.
    std::string find_other_master(const Mapping& memory, const std::string& uuid,
                                  const std::set<std::string>& except) const;

    /// "VM/NAME" of all users of this memory in other VMs than this one, but not those that hold it
    /// for the other end of a migration.
    std::vector<std::string> find_sharers(const Mapping& memory, const std::string& vm) const;

    /// Says that a region is losing its name, for as long as this lives.
    class UnlinkingMark {
      public:
        UnlinkingMark(RegionUsers& users, const RegionIdentity& region)
            : users_(users), region_(region) {
            users_.unlinking_.push_back(region_);
        }
        UnlinkingMark(const UnlinkingMark&) = delete;
        UnlinkingMark& operator=(const UnlinkingMark&) = delete;
        ~UnlinkingMark();

      private:
        RegionUsers& users_;
        RegionIdentity region_;
    };
    bool is_unlinking(const RegionIdentity& region) const;

    /// Says that the region at this path is being made, for as long as this lives. Another one that
    /// wants it waits: else all its memory would be reserved twice, and the state would know only
    /// the one of them that came last.
    class MakingMark {
      public:
        MakingMark(RegionUsers& users, const std::string& path) : users_(users), path_(path) {
            users_.making_.insert(path_);
        }
        MakingMark(const MakingMark&) = delete;
        MakingMark& operator=(const MakingMark&) = delete;
        ~MakingMark() { users_.making_.erase(path_); }

      private:
        RegionUsers& users_;
        std::string path_;
    };
    bool is_making(const std::string& path) const { return making_.contains(path); }

  private:
    std::optional<MemoryUser> coming_of(const RegionSource& vm) const;

    std::map<std::string, std::shared_ptr<const RegionSource>> vms_;
    std::vector<const RegionSource*> attaching_;
    std::vector<RegionIdentity> unlinking_;
    std::set<std::string> making_;  // paths
};

}  // namespace ivshmemd
