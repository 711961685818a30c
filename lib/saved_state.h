#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "lib/descriptor_range.h"
#include "lib/device.h"

namespace ivshmemd {

/// What tells one VM, and one QEMU process of it, from another in what is remembered.
struct VmKey {
    std::string name;
    std::string uuid;  // so that another VM behind the same socket is not mistaken for it
    std::string run;   // the QEMU process; see Identity

    // Not an aggregate: g++ 12 frees the strings of one twice that goes to a coroutine as a
    // temporary.
    VmKey(std::string name_, std::string uuid_, std::string run_)
        : name(std::move(name_)), uuid(std::move(uuid_)), run(std::move(run_)) {}
};

/// A region file the daemon made, by path and by what tells it from a later file of that name.
struct CreatedRegion {
    std::string path;
    std::uint64_t device = 0;
    std::uint64_t inode = 0;
    std::string made_for = {};  // "VM/NAME" until that device is there, or somebody else uses it
    unsigned mode = 0660;       // that it was made with
    /// The change of several VMs that made it, until that is over, or anybody else uses it.
    std::uint64_t change = 0;

    bool operator==(const CreatedRegion&) const = default;
};

/// A device whose removal was asked for and is still awaited.
struct RemovalIntent {
    std::string vm;
    std::string
        uuid;  // of the VM, so that another one behind the same socket is not mistaken for it
    std::string device;
    std::string region;  // empty when it has none
    bool remove_region = false;
    std::string run = {};  // the QEMU process it is of; empty in files of earlier releases

    bool operator==(const RemovalIntent&) const = default;
};

/// How far a migration with its peers taken out has come. Written down before each step is taken.
enum class MigrationPhase {
    detaching,   // the guest is asked to let the peers go
    migrating,   // QEMU is told to migrate
    replugging,  // it came to nothing: the peers go back into the VM they were in
    completed,   // the VM is at its destination, where the peers wait to be plugged in
    held,        // they are out for a client that has something else migrate or save the VM
};

/// The peers of a VM that were taken out, or are to be, so that it can migrate.
struct MigrationRecord {
    std::string vm;
    std::string uuid;  // of the VM at both ends
    MigrationPhase phase = MigrationPhase::detaching;
    std::string uri;           // empty for a hold: whoever moves the VM then is another program
    std::string destination;   // VM of this daemon at the other end; empty when there is none
    bool return_path = false;  // switched on for this migration, and off again after it
    std::vector<DeviceSpec> devices;

    bool operator==(const MigrationRecord&) const = default;
};

/// Whether the devices were taken out for a client, and not for a migration of this daemon's.
inline bool is_hold(const MigrationRecord& record) {
    return record.uri.empty();
}

/// What the configuration has made of a device that it declares, or declared, in one QEMU process.
enum class DeclaredFate {
    none,      // nothing: it is not there, or somebody else attached it
    attached,  // it was attached because it is declared, and goes when it no longer is
    away,      // it was taken out by hand, and stays away
};

/// What is remembered of a declared device.
struct DeclaredRecord {
    std::string vm;
    std::string device;
    std::optional<Model> model;  // what it got when it was first attached, and keeps
    DeclaredFate fate = DeclaredFate::none;
    std::string run;  // the QEMU process that the fate is of; a later one starts afresh

    bool operator==(const DeclaredRecord&) const = default;
};

/// A device with a server: the descriptors that QEMU was given for it have numbers in this range,
/// all of them. Once it has gone they are to be occupied again.
struct DoorbellRecord {
    std::string vm;
    std::string uuid;
    std::string run;  // the QEMU process; in another one the numbers mean nothing
    std::string device;
    DescriptorRange range;  // from 0 where no floor is known

    bool operator==(const DoorbellRecord&) const = default;
};

/// A memory backend of ours that was proved to map a region's file, where /proc does not tell.
struct ProofRecord {
    std::string vm;
    std::string uuid;
    std::string run;  // the QEMU process
    std::string backend;
    std::uint64_t device = 0;  // of the file
    std::uint64_t inode = 0;

    bool operator==(const ProofRecord&) const = default;
};

/// What one VM is to get and to lose in a change of several VMs that has begun. Whoever finds it
/// after a restart undoes it.
struct ChangeRecord {
    std::uint64_t number = 0;  // the same for all VMs that are changed together
    std::string vm;
    std::string uuid;
    std::string run;                  // the QEMU process; with it ends all that it had
    std::vector<std::string> coming;  // devices that were not there
    std::vector<DeviceSpec> leaving;  // as they were

    bool operator==(const ChangeRecord&) const = default;
};

/// What QEMU cannot tell and a restart must not lose.
struct SavedState {
    std::vector<CreatedRegion> regions;
    std::vector<RemovalIntent> removals;
    std::vector<MigrationRecord> migrations;
    std::vector<DeclaredRecord> declared;
    std::vector<DoorbellRecord> doorbells = {};
    std::vector<ProofRecord> proofs = {};
    std::vector<ChangeRecord> changes = {};

    bool operator==(const SavedState&) const = default;
};

}  // namespace ivshmemd
