#pragma once

#include <vector>

#include "lib/diagnosis/diagnosis.h"

// The parts of diagnose().

namespace ivshmemd {

/// What is wrong with a VM's monitor, its QEMU and its room for devices.
void diagnose_vm(const VmFacts& vm, const std::string& daemon_user, std::vector<Finding>& findings);

/// Devices that whoever manages the VM, whose capabilities are known, has not been told of.
void diagnose_manager(const VmFacts& vm, std::vector<Finding>& findings);

/// What is wrong with the devices of a VM.
void diagnose_devices(const VmFacts& vm, std::vector<Finding>& findings);

/// A device that has been on its way out for long.
void diagnose_detaching(const VmFacts& vm, const DeviceFacts& facts,
                        std::vector<Finding>& findings);

/// Devices that are out since a client held their VM.
void diagnose_hold(const HoldNote& note, std::vector<Finding>& findings);

/// What is wrong with the file of a region.
void diagnose_region(const Region& region, const HostFacts& facts, std::vector<Finding>& findings);

/// What keeps the daemon from using a place of regions.
void diagnose_place(const Place& place, const std::string& daemon_user,
                    std::vector<Finding>& findings);

}  // namespace ivshmemd
