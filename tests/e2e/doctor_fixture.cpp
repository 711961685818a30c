#include "tests/e2e/doctor_fixture.h"

#include <algorithm>
#include <cstdlib>
#include <nlohmann/json.hpp>

namespace ivshmemd::test {

using nlohmann::json;

json Doctor::findings(const std::vector<std::string>& arguments) {
    std::vector<std::string> command{"doctor"};
    command.insert(command.end(), arguments.begin(), arguments.end());
    const CtlResult result = run_ctl(*daemon_, command);
    const json found(result.json()["findings"]);
    const bool problem = std::any_of(
        found.begin(), found.end(), [](const json& each) { return each["severity"] == "problem"; });
    EXPECT_EQ(result.exit_code, problem ? 1 : 0) << result.out;
    return found;
}

std::vector<std::string> Doctor::summary(const json& found) {
    std::vector<std::string> lines;
    for (const json& each : found) {
        std::string line = each["kind"];
        if (each.contains("vm")) line += " " + each["vm"].get<std::string>();
        if (each.contains("device")) line += "/" + each["device"].get<std::string>();
        lines.push_back(line);
    }
    return lines;
}

json Doctor::finding(const std::string& kind) {
    const json found(findings());
    if (found.size() != 1 || found[0]["kind"] != kind) {
        ADD_FAILURE() << "no " << kind << " alone: " << found;
        return {{"mend", "false"}, {"text", ""}};
    }
    return found[0];
}

void Doctor::mend(const json& finding, const std::string& from) {
    const char* path = std::getenv("PATH");
    const std::string text = finding["mend"];
    const std::size_t begin = text.find(from);
    ASSERT_NE(begin, std::string::npos) << text;
    std::string command = text.substr(begin);
    command = command.substr(0, std::min(command.find(", "), command.find("; ")));
    const auto result =
        run(Command{{"sh", "-c", command},
                    {{"PATH", IVSHMEMD_BIN_DIR ":" + std::string(path ? path : "/usr/bin:/bin")},
                     {"IVSHMEMD_SOCKET", daemon_->socket().string()}}},
            boot_deadline());
    EXPECT_EQ(result.exit_code, 0) << command << "\n" << result.out << result.err;
}

void Doctor::attach(const std::string& name, const std::vector<std::string>& options) {
    std::vector<std::string> arguments{"attach", "vm0", name, "--size", "1M"};
    arguments.insert(arguments.end(), options.begin(), options.end());
    expect_ctl_success(*daemon_, arguments);
}

void DoctorOfAPausedMachine::SetUp() {
    Doctor::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    vm_.emplace(dir_.path(), VmOptions{.name = "vm0", .paused = true});
    start_daemon({&*vm_});
}

}  // namespace ivshmemd::test
