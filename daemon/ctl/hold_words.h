#pragma once

#include <string>

#include "daemon/ctl/answer.h"
#include "daemon/ctl/console.h"

// What is said of a hold beside the command that it is for.
namespace ivshmemd::ctl {

std::string names_of(const json& devices);

/// What a migration of the VM is warned of; `taken` is the reply to Hold.
void tell_warnings(const json& taken, Console& console);

/// How it ended. The exit code stays the command's, so this is all that tells of it.
void tell_release(const Answer& answer, const std::string& vm, Console& console);

}  // namespace ivshmemd::ctl
