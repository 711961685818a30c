#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>

#include "tests/e2e/many_vms.h"
#include "tests/support/doorbell_server.h"
#include "tests/support/json_text.h"
#include "tests/support/root.h"

// Applying a topology starts the doorbell server that it needs: a program in the place of systemctl
// starts the real one, where its unit listens.

namespace ivshmemd::test {
namespace {

using nlohmann::json;
namespace fs = std::filesystem;

class DoorbellUnits : public ManyVms {
  protected:
    void SetUp() override {
        if (lacks_root("makes a socket below /run")) return;
        ManyVms::SetUp();
        if (IsSkipped() || HasFatalFailure()) return;
        fs::create_directories(socket_.parent_path());
        write_systemctl();
        std::ofstream(file_) << "[[doorbell]]\nname = \"bell\"\nserver = \"" << socket_.string()
                             << "\"\n[[device]]\nname = \"bell\"\ndoorbell = \"bell\"\n"
                             << "vms = [\"one\", \"two\"]\n";
    }
    void TearDown() override {
        ManyVms::TearDown();
        pid_t pid = 0;
        std::ifstream(dir_.path() / "pid") >> pid;
        if (pid > 0) ::kill(pid, SIGKILL);
        std::error_code error;
        fs::remove(socket_, error);
        fs::remove(socket_.parent_path(), error);  // where nobody else has one there
    }

    void write_systemctl() {
        const fs::path program = dir_.path() / "bin" / "systemctl";
        fs::create_directory(program.parent_path());
        std::ofstream(program) << "#!/bin/sh\n[ \"$*\" = 'start ivshmem-doorbell@" << instance_
                               << ".service' ] || exit 9\n"
                               << DoorbellServer::program() << " --socket " << socket_.string()
                               << " --size 64K --vectors 2 >/dev/null 2>&1 &\necho $! >"
                               << (dir_.path() / "pid").string() << "\nuntil [ -S "
                               << socket_.string() << " ]; do sleep 0.01; done\n";
        ::chmod(program.c_str(), 0700);
    }
    Child apply(const std::vector<std::string>& options = {}) {
        std::vector<std::string> words{"--json=short", "apply", file_};
        words.insert(words.end(), options.begin(), options.end());
        Command command = daemon_->ctl_command(words);
        command.env["PATH"] = (dir_.path() / "bin").string() + ":/usr/bin:/bin";
        return Child(command);
    }

    const std::string instance_ = "test-" + std::to_string(::getpid());
    const fs::path socket_ = "/run/ivshmem-doorbell/" + instance_ + ".sock";
    const std::string file_ = dir_.path() / "topology.toml";
};

TEST_F(DoorbellUnits, AreStartedForATopologyButNotByADryRun) {
    Child planned(apply({"--dry-run"}));
    EXPECT_EQ(planned.wait_exit(soon()), 8) << planned.out();
    EXPECT_NE(planned.err().find("would start ivshmem-doorbell@" + instance_), std::string::npos);
    EXPECT_FALSE(fs::exists(socket_));

    Child applied(apply());
    EXPECT_EQ(applied.wait_exit(soon()), 0) << applied.err();
    EXPECT_EQ(applied.err(), "ivshmemctl: started ivshmem-doorbell@" + instance_ + ".service for " +
                                 socket_.string() + "\n");
    EXPECT_EQ(find_device(*daemon_, "one", "bell")["server"], socket_.string());
    EXPECT_EQ(find_device(*daemon_, "two", "bell")["state"], "attached");

    Child again(apply());
    EXPECT_EQ(again.wait_exit(soon()), 0) << again.err();
    EXPECT_EQ(again.err(), "");
}

TEST_F(DoorbellUnits, AreNamedWhenTheTransactionFails) {
    std::ofstream(file_, std::ios::app) << "[[device]]\nname = \"x\"\nsize = \"1M\"\n"
                                        << "vms = [\"full\"]\n";
    Child applied(apply());
    EXPECT_EQ(applied.wait_exit(soon()), 1) << applied.out();
    EXPECT_NE(applied.err().find("ivshmem-doorbell@" + instance_ + ".service was started for this"),
              std::string::npos)
        << applied.err();
    expect_untouched();
}

}  // namespace
}  // namespace ivshmemd::test
