#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "tests/support/daemon_process.h"

// Calls of a real daemon whose every answer is compared with the interface as it is published: an
// undeclared member, a missing one or a wrong type fails the test that made the call.
namespace ivshmemd::test {

/// One call; `method` without its interface. The whole reply.
nlohmann::json call_api(DaemonProcess& daemon, const std::string& method,
                        const nlohmann::json& parameters, Deadline deadline = soon());

/// ivshmemctl --json=short with these arguments.
CtlResult run_ctl(DaemonProcess& daemon, const std::vector<std::string>& arguments,
                  Deadline deadline = soon());

/// The same for a reply that came another way; `method` without its interface.
void check_reply(const std::string& method, const nlohmann::json& reply);

/// The error's name, without our interface in front of it; empty for a success.
std::string error_of(const nlohmann::json& reply);

/// The devices that ListDevices tells of, of one VM.
nlohmann::json list_devices(DaemonProcess& daemon, const std::string& vm);

/// One of them, or null.
nlohmann::json find_device(DaemonProcess& daemon, const std::string& vm, const std::string& name);

/// The row of ListVms, or null.
nlohmann::json find_vm(DaemonProcess& daemon, const std::string& vm);

/// Fails the test unless ivshmemctl says `error`, here and on standard error, with that exit code.
/// The parameters of the error.
nlohmann::json expect_ctl_error(DaemonProcess& daemon, const std::vector<std::string>& arguments,
                                int exit_code, const std::string& error);

/// Fails the test unless ivshmemctl succeeds; its answer.
nlohmann::json expect_ctl_success(DaemonProcess& daemon, const std::vector<std::string>& arguments,
                                  Deadline deadline = soon());

}  // namespace ivshmemd::test
