#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <thread>

#include "tests/support/fake_qemu.h"
#include "tests/support/transcript.h"

// Private to the fake: what its two halves, the caller's and the thread's, share.
namespace ivshmemd::test {

struct FakeQemu::State {
    struct Rule {
        Handler handler;
        std::chrono::milliseconds delay;
    };

    // Set before a client comes, read by the thread.
    nlohmann::json greeting;
    std::vector<std::function<bool(Player&)>> script;
    bool any_arguments = false;

    mutable std::mutex mutex;  // guards what follows, up to the thread
    std::condition_variable changed;
    std::map<std::string, Rule> rules;
    std::optional<Transcript> transcript;
    std::vector<nlohmann::json> received;
    std::vector<nlohmann::json> after_reply;
    std::vector<FileDescriptor> fds;
    std::string failure;
    Director director;
    bool held = false;
    int client = -1;
    int scripts_done = 0;

    std::atomic<int> awaited = -1;      // the descriptor that the thread waits for
    std::atomic<bool> starved = false;  // it cannot take a client: out of descriptors

    FileDescriptor stop;      // readable: end
    FileDescriptor released;  // readable: a stall is over
    std::thread thread;

    void fail(const std::string& text);
};

/// One client's conversation, in the fake's thread. A step returns false to end it.
class FakeQemu::Player {
  public:
    explicit Player(State& state) : state_(state) {}

    void play(FileDescriptor client);
    void play_each(FileDescriptor listener);

    bool send(const std::string& bytes);
    bool send_json(const nlohmann::json& message) { return send(message.dump() + "\r\n"); }
    bool expect(const std::string& command, const Check& check);
    bool expect_raw(const std::string& bytes);
    bool reply(nlohmann::json body);
    bool stall();
    bool close();

  private:
    bool run_script();
    void serve();
    bool answer();
    bool perform(const Staging& staging, const Handler& handler);
    bool send_staged(const Staging& staging, nlohmann::json body);
    void drop_pending();
    bool hold();
    bool next_request();
    bool read_more();
    /// Waits until one of the two is readable; false for `state_.stop`, or when the time is up.
    bool wait_for(int fd, int timeout_ms = -1);
    bool pause(std::chrono::milliseconds delay);
    std::string command() const;
    nlohmann::json arguments() const;

    State& state_;
    FileDescriptor client_;
    std::string buffer_;
    std::string kept_;  // an answer that follows the next one
    nlohmann::json request_;
};

}  // namespace ivshmemd::test
