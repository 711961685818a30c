#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "proto/varlink/message.h"
#include "proto/varlink/service.h"
#include "tests/support/file_descriptor.h"

namespace ivshmemd::test {

/// One client's way through org.varlink.certification, on our side of the wire: each step takes
/// exactly what the step before it answered, in order and with the right flags.
class CertificationSession {
  public:
    /// Everything to be sent in answer to one message: no reply, one, or several.
    std::string answer(std::string_view message);

    /// Every step was passed, the last one included.
    bool certified() const { return certified_; }
    /// What the client did wrong first; empty when nothing.
    const std::string& complaint() const { return complaint_; }

  private:
    std::string take_step(const varlink::Call& call);
    std::string refuse(const varlink::Call& call, const nlohmann::json& wants);

    std::size_t next_ = 0;
    bool certified_ = false;
    std::string complaint_;
};

/// Serves one client after the other, each with a session of its own, in a thread.
class CertificationServer {
  public:
    explicit CertificationServer(const std::filesystem::path& socket);
    ~CertificationServer();
    CertificationServer(const CertificationServer&) = delete;
    CertificationServer& operator=(const CertificationServer&) = delete;

    /// Stops serving. The sessions of all clients so far; not to be called twice.
    std::vector<CertificationSession> finish();

  private:
    void serve();

    FileDescriptor listener_;
    std::vector<CertificationSession> sessions_;
    std::thread thread_;
};

}  // namespace ivshmemd::test
