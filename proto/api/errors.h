#pragma once

#include "lib/error.h"
#include "proto/varlink/service.h"

namespace ivshmemd::api {

/// The API's error reply: io.ivshmemd.Hotplug.<kind> with message, vm and details. Two kinds are
/// Varlink's own errors: InvalidParameter and PermissionDenied.
varlink::ErrorReply spell_error(const Error& error);

}  // namespace ivshmemd::api
