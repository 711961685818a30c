#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <optional>

#include "daemon/relay/server_connection.h"
#include "tests/daemon/loop.h"
#include "tests/support/scripted_server.h"
#include "tests/support/temp_dir.h"

namespace ivshmemd::test {

inline constexpr std::uint64_t server_memory = 1 << 20;

/// Meets servers that do what a test wants.
class ServerConnectionTest : public ::testing::Test {
  protected:
    ServerTerms terms(std::optional<std::uint32_t> vectors = 2) const {
        ServerTerms terms;
        terms.path = directory_ / "server";
        terms.trust.daemon = ::geteuid();
        terms.vectors = vectors;
        terms.size_limit = 16 * server_memory;
        return terms;
    }

    Result<ServerConnection> meet(const ServerTerms& terms) {
        return loop_.run(connect_to_server(loop_.executor(), terms, deadline_));
    }

    /// Why a server of this kind is refused; empty when it is not.
    std::string refusal(ScriptedServer::Script script, std::optional<std::uint32_t> vectors = 2) {
        const ScriptedServer server(directory_ / "server", std::move(script));
        const Result<ServerConnection> met = meet(terms(vectors));
        if (met) return "";
        EXPECT_EQ(met.error().kind, ErrorKind::server_unusable);
        return std::get<std::string>(met.error().details.at(0).second);
    }

    /// A server that is well behaved but for its memory.
    std::string refusal_of_memory(int memory) {
        return refusal([&](int client) {
            send_handshake(client, 0, memory);
            send_vectors(client, 0, 2);
            wait_closed(client);
        });
    }

    Loop loop_;
    TempDir directory_;
    Milliseconds deadline_{300};
};

}  // namespace ivshmemd::test
