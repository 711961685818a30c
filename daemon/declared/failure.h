#pragma once

#include <string>

#include "lib/device.h"
#include "lib/error.h"

// What is said of a declared device that is not as it is to be.

namespace ivshmemd {

class Vm;

/// QEMU or the VM is in no state for it now, and says so when that changes.
bool is_passing(const Error& error);

/// Keeps it for the API and the doctor, and publishes it.
void report_failure(Vm& vm, const std::string& device, const std::string& message);

std::string in_words(const Error& error);

/// The same where `request` is what became of a declaration.
std::string in_words(const DeviceRequest& declared, const DeviceRequest& request,
                     const Error& error);

}  // namespace ivshmemd
