#include "lib/capabilities.h"

namespace ivshmemd {

std::string_view probe_method_name(ProbeMethod method) {
    switch (method) {
        case ProbeMethod::qom_list_types:
            return "qom-list-types";
        case ProbeMethod::device_list_properties:
            return "device-list-properties";
    }
    return "";
}

}  // namespace ivshmemd
