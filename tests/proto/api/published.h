#pragma once

#include <stdexcept>

#include "proto/api/interface_text.h"
#include "proto/varlink/idl_parser.h"

namespace ivshmemd::api {

/// The interface as clients read it.
inline const varlink::Interface& published() {
    static const auto parsed = varlink::parse_interface(interface_text());
    if (!parsed) throw std::runtime_error(parsed.error().message);
    return *parsed;
}

}  // namespace ivshmemd::api
