#include "daemon/host.h"

#include "daemon/log.h"

namespace ivshmemd {

void Host::server_lost(const std::string& vm, const std::string& device, const std::string& why) {
    log_warning({vm, ": the doorbell server of ", device, " is lost: ", why});
    events.publish({EventKind::server_lost, vm, device, why});
}

}  // namespace ivshmemd
