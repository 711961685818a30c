#pragma once

#include <deque>
#include <nlohmann/json.hpp>

#include "daemon/api/server.h"
#include "daemon/api/service.h"
#include "proto/varlink/idl_type.h"
#include "tests/daemon/daemon_fixture.h"
#include "tests/support/file_descriptor.h"

namespace ivshmemd::test {

/// The whole API over its real socket, in this process and thread. Every reply is compared with the
/// published interface.
class ApiFixture : public DaemonFixture {
  protected:
    ApiFixture();
    void TearDown() override;

    /// Serves clients; VM "a" is connected with `start_vms`.
    void serve(bool start_vms = true);

    class Client {
      public:
        Client(ApiFixture& fixture, FileDescriptor fd) : fixture_(fixture), fd_(std::move(fd)) {}

        int fd() const { return fd_.get(); }
        void send_raw(std::string_view bytes);
        /// `extra` goes into the call beside method and parameters.
        void send(const std::string& method, const json& parameters, const json& extra = {});
        /// The next reply; null when the service closed, or at the deadline.
        json next(Deadline deadline = soon());
        json call(const std::string& method, const json& parameters = json::object());
        /// The error's name without its interface; empty for success.
        std::string error_of(const std::string& method, const json& parameters);
        /// Whether the service closes, after what is still to come.
        bool is_closed(Deadline deadline = soon());

      private:
        bool read_more(Deadline deadline);
        void compare_with_interface(const json& reply);

        ApiFixture& fixture_;
        FileDescriptor fd_;
        std::string buffer_;
        bool closed_ = false;
        std::deque<std::string> methods_;  // whose replies are awaited
    };

    Client connect();

    const std::string api_socket_ = directory_ / "api.sock";
    varlink::Interface interface_;
    Service service_{host_, registry_};
    Server server_{host_, service_};
};

/// The method of that name in the daemon's interface.
std::string hotplug(const std::string& method);

}  // namespace ivshmemd::test
