#pragma once

#include <map>
#include <mutex>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tests/daemon/fake_pc.h"

namespace ivshmemd::test {

/// The migration of a FakePc: it starts when told to, and goes on as the test says.
class FakeMigration {
  public:
    using Json = nlohmann::json;

    explicit FakeMigration(FakePc& pc);
    /// The machine ends with it: its thread would go on asking how the migration is.
    ~FakeMigration() {
        pc_.release();
        pc_.die();
    }
    FakeMigration(const FakeMigration&) = delete;
    FakeMigration& operator=(const FakeMigration&) = delete;

    /// The migration is in this state from now on, and so is the machine; an event tells of it.
    void move_to(const std::string& status, const std::string& run_state);
    void fail(const std::string& why);
    /// Without a run state: as if QEMU had forgotten it.
    void forget();

    void refuse_start(const std::string& why);
    void set_blocked(const std::vector<std::string>& reasons);
    void listen_at(const std::string& path);
    /// Older QEMUs have no such capability.
    void lack_capability(const std::string& name);
    void set_capability(const std::string& name, bool on);
    bool capability(const std::string& name) const;
    /// Whether the return path was on when the migration started.
    bool had_return_path() const;
    /// Another client switches x-ignore-shared on as this daemon sets that capability, or, for
    /// "migrate", starts the migration.
    void ignore_shared_at(const std::string& moment);
    void set_mode(const std::string& mode);
    /// It completes at so many looks at it.
    void complete_at_look(int looks);
    /// It ends before migrate_cancel comes.
    void outrun_cancel();

  private:
    Json query();
    Json start(const Json& arguments);
    Json set_capabilities(const Json& arguments);
    Json query_capabilities();
    Json query_parameters();
    Json cancel();

    FakePc& pc_;
    mutable std::mutex mutex_;
    Json facts_ = Json::object();
    std::string refusal_;
    bool had_return_path_ = false;
    std::string ignore_shared_at_;
    bool outrun_ = false;
    int looks_ = 0;
    Json parameters_ = Json::object();
    std::map<std::string, bool> capabilities_{
        {"events", false}, {"return-path", false}, {"x-ignore-shared", false}};
};

}  // namespace ivshmemd::test
