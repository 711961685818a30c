// The completions for fish and zsh, in these shells, with the real program and a scripted daemon.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "tests/daemon/ctl/fake_daemon.h"
#include "tests/support/process.h"
#include "tests/support/temp_dir.h"
#include "tests/support/terminal.h"

namespace ivshmemd::ctl::test {
namespace {

using nlohmann::json;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

const std::string completion_files = IVSHMEMD_SOURCE_DIR "/daemon/ctl/ivshmemctl.";

void answer_with_names(Peer& peer) {
    const json call = json::parse(peer.read_message());
    json reply;
    if (std::string(call["method"]).ends_with(".ListVms")) {
        reply["vms"] = {{{"name", "web"}}, {{"name", "db"}}};
    } else {
        reply["devices"] = {{{"name", "bell"}}, {{"name", "$(reboot)"}}};
    }
    peer.send_message(json{{"parameters", reply}}.dump());
}

class CtlShells : public testing::Test {
  protected:
    /// The completion for a shell, as it is installed.
    std::string install(const std::string& shell, const std::string& name) {
        std::ifstream source(completion_files + shell + "-completion.in");
        std::string text((std::istreambuf_iterator<char>(source)), {});
        const std::string place = "@bash_completion@";
        text.replace(text.find(place), place.size(), completion_files + "bash-completion");
        std::ofstream(directory_ / name) << text;
        return directory_ / name;
    }
    std::map<std::string, std::string> environment() const {
        return {{"IVSHMEMD_SOCKET", daemon_.path()},
                {"IVSHMEMCTL_COMPLETION_TIMEOUT", "20"},
                {"HOME", directory_.path()},
                {"PATH", IVSHMEMD_BIN_DIR ":/usr/bin:/bin"}};
    }
    std::vector<std::string> lines_of(const std::vector<std::string>& argv) {
        const auto result = ivshmemd::test::run({argv, environment()});
        EXPECT_EQ(result.exit_code, 0) << result.err;
        EXPECT_EQ(result.err, "");
        std::istringstream text(result.out);
        std::vector<std::string> found;
        for (std::string line; std::getline(text, line);) found.push_back(line);
        return found;
    }
    std::vector<std::string> printed(std::vector<std::string> words) {
        words.insert(words.begin(), {"bash", completion_files + "bash-completion", "ivshmemctl"});
        return lines_of(words);
    }
    std::vector<std::string> offered_by_fish(const std::string& line) {
        const std::string script = install("fish", "ivshmemctl.fish");
        return lines_of(
            {"fish", "--no-config", "-c", "source " + script + "; complete -C '" + line + "'"});
    }

    FakeDaemon daemon_{answer_with_names};
    ivshmemd::test::TempDir directory_;
};

bool is_installed(const std::string& shell) {
    return std::filesystem::exists("/usr/bin/" + shell);
}

TEST_F(CtlShells, AreToldWhatBashOffersUnquoted) {
    EXPECT_THAT(printed({"prob"}), UnorderedElementsAre("probe"));
    EXPECT_THAT(printed({"probe", ""}), UnorderedElementsAre("web", "db"));
    EXPECT_THAT(printed({"detach", "web", ""}), UnorderedElementsAre("bell", "$(reboot)"));
    EXPECT_THAT(printed({"show", "web/b"}), UnorderedElementsAre("web/bell"));
    EXPECT_THAT(printed({"attach", "web,d"}), UnorderedElementsAre("web,db"));
    EXPECT_THAT(printed({"attach", "--role", "m"}), UnorderedElementsAre("master"));
    EXPECT_THAT(printed({"attach", "--role=m"}), UnorderedElementsAre("--role=master"));
    EXPECT_THAT(printed({"--json="}), UnorderedElementsAre("--json=short", "--json=pretty"));
    EXPECT_THAT(printed({"--json=short", "prob"}), UnorderedElementsAre("probe"));
    EXPECT_THAT(printed({"list", "--w"}), UnorderedElementsAre("--watch"));
    EXPECT_THAT(printed({"replug", "web", "--plan", directory_.path().string().substr(0, 9)}),
                testing::Contains(directory_.path().string() + "/"));
    EXPECT_THAT(printed({"without-peers", "web", "--", "mount.ns"}), IsEmpty());
    EXPECT_THAT(printed({"without-peers", "web", "--", "env"}), testing::Contains("env"));
    EXPECT_THAT(printed({"bogus", ""}), IsEmpty());
}

TEST_F(CtlShells, OffersTheSameInFish) {
    if (!is_installed("fish")) GTEST_SKIP() << "fish is not installed";
    EXPECT_THAT(offered_by_fish("ivshmemctl prob"), UnorderedElementsAre("probe"));
    EXPECT_THAT(offered_by_fish("ivshmemctl --json=short probe "),
                UnorderedElementsAre("web", "db"));
    EXPECT_THAT(offered_by_fish("ivshmemctl attach --role=m"),
                UnorderedElementsAre("--role=master"));
    EXPECT_THAT(offered_by_fish("ivshmemctl attach web,d"), UnorderedElementsAre("web,db"));
    EXPECT_THAT(offered_by_fish("ivshmemctl list web "), IsEmpty()) << "no files either";
}

TEST_F(CtlShells, OffersTheSameInZsh) {
    if (!is_installed("zsh")) GTEST_SKIP() << "zsh is not installed";
    install("zsh", "_ivshmemctl");
    const auto env = environment();
    ivshmemd::test::Terminal zsh({"env", "PS1=ready> ", "TERM=dumb", "HOME=" + env.at("HOME"),
                                  "IVSHMEMCTL_COMPLETION_TIMEOUT=20",
                                  "IVSHMEMD_SOCKET=" + daemon_.path(), "PATH=" + env.at("PATH"),
                                  "zsh", "-f", "-i"});
    ASSERT_TRUE(zsh.wait_text("ready> "));
    zsh.type("fpath=('" + directory_.path().string() +
             "' $fpath); autoload -Uz compinit; compinit -D -u; echo loaded\n");
    ASSERT_TRUE(zsh.wait_text("\nloaded"));
    zsh.type("ivshmemctl --json=sh\tpr\tw\t\n");
    EXPECT_TRUE(zsh.wait_text("{\"")) << zsh.text();
    zsh.type("ivshmemctl() { print -r -- given: $* }; echo defined\n");
    ASSERT_TRUE(zsh.wait_text("\ndefined"));
    zsh.type("ivshmemctl detach web,d\tx\n");
    EXPECT_TRUE(zsh.wait_text("given: detach web,db x")) << zsh.text();
    zsh.type("exit\n");
    EXPECT_EQ(zsh.wait_exit(), 0);
}

}  // namespace
}  // namespace ivshmemd::ctl::test
