#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "tests/support/deadline.h"
#include "tests/support/file_descriptor.h"

namespace ivshmemd::test {

/// QEMU's end of a monitor, in a thread of its own. Each client first gets the script, step by
/// step, and then an answer by rule to every command. Without a script it is greeted and may
/// negotiate.
///
///     FakeQemu qemu;
///     qemu.handshake().expect("query-status").reply({{"status", "running"}}).close();
///     FileDescriptor client = qemu.connect();
///     ...
///     EXPECT_EQ(qemu.failure(), "");
///
/// Script and rules are set before a client comes; answer() also while one is there. As QEMU does,
/// it serves one client at a time; the next waits in the queue without a greeting.
class FakeQemu {
  public:
    /// How one exchange goes: as it should, unless told otherwise. In this order.
    struct Staging {
        bool held_before = false;                // waits for release_held(), and all after it do
        bool carried_out = true;                 // false: the command has no effect
        bool held = false;                       // waits again
        std::string before;                      // bytes ahead of the answer
        int times = 1;                           // that it is sent
        bool after_next = false;                 // it follows the next command's answer
        bool halved = false;                     // half of it is sent
        std::shared_ptr<nlohmann::json> answer;  // in place of its own
        std::shared_ptr<nlohmann::json> id;      // in place of the command's
        std::string after;                       // bytes behind it
        bool closed = false;                     // and the connection ends
    };
    /// Asked about each command that a rule answers. Runs in the fake's thread.
    using Director = std::function<Staging(const nlohmann::json& request)>;

    using Check = std::function<bool(const nlohmann::json& arguments)>;
    /// Makes the reply, ok() or error(), or null for none at all. Runs in the fake's thread.
    using Handler = std::function<nlohmann::json(const nlohmann::json& arguments)>;

    FakeQemu();
    ~FakeQemu();

    // -- Script
    FakeQemu& version(int major, int minor, int micro = 0);  // of the greeting; 7.2.22 otherwise
    FakeQemu& greet();
    FakeQemu& handshake();  // greet, and qmp_capabilities succeeds
    FakeQemu& expect(const std::string& command, Check check = {});
    FakeQemu& expect_raw(const std::string& bytes);
    FakeQemu& reply(const nlohmann::json& value);  // to the command expected last, with its id
    FakeQemu& reply_error(const std::string& error_class, const std::string& description);
    FakeQemu& inject(const std::string& bytes);
    FakeQemu& event(const std::string& name, const nlohmann::json& data);
    FakeQemu& stall();  // until release()
    FakeQemu& close();

    // -- Rules
    FakeQemu& answer(const std::string& command, Handler handler,
                     std::chrono::milliseconds delay = {});
    /// Greeting and answers as a real QEMU gave them; answer() comes first. With `any_arguments` a
    /// command that was recorded with other arguments only gets one of those answers.
    FakeQemu& replay(const std::filesystem::path& transcript, bool any_arguments = false);
    /// Inside a handler: sent right after its reply.
    void event_after_reply(const std::string& name, const nlohmann::json& data);
    /// May be replaced while a client is there; an empty one ends it.
    void direct(Director director);

    static nlohmann::json event_message(const std::string& name, const nlohmann::json& data);
    static nlohmann::json ok(const nlohmann::json& value);
    static nlohmann::json error(const std::string& error_class, const std::string& description);

    // -- Run
    FileDescriptor connect();  // the client's end of a socket pair
    void listen(const std::filesystem::path& socket);
    void release();
    /// To the client that is there now; false when there is none.
    bool send_event(const std::string& name, const nlohmann::json& data);
    bool send_bytes(const std::string& bytes);
    void disconnect();
    /// Ends client and listener; then it may listen anew.
    void stop();
    /// Whether an exchange waits for release_held().
    bool is_held() const;
    void release_held();
    /// Whether it has nothing to do until somebody else does something. For the test's own thread.
    bool is_idle() const;

    /// Waits until commands of that name came `count` times, over all clients.
    bool wait_received(const std::string& command, Deadline deadline, int count = 1);
    /// Waits until the script was played to its end `clients` times.
    bool wait_script_done(Deadline deadline, int clients = 1);

    // -- What happened
    std::vector<nlohmann::json> received() const;
    std::vector<std::string> commands() const;        // their names
    std::vector<FileDescriptor> take_received_fds();  // that came by SCM_RIGHTS
    std::string failure() const;                      // empty when all was as expected

  private:
    struct State;
    class Player;
    FakeQemu& step(std::function<bool(Player&)> step);
    void start(std::function<void(Player&)> body);
    std::unique_ptr<State> state_;
};

}  // namespace ivshmemd::test
