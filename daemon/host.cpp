#include "daemon/host.h"

namespace ivshmemd {

void Host::server_lost(const std::string& vm, const std::string& device, const std::string& why) {
    events.publish({EventKind::server_lost, vm, device, why});
}

}  // namespace ivshmemd
