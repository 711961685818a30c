#include "daemon/ctl/topology_faults.h"

#include <nlohmann/json.hpp>

#include "daemon/ctl/console.h"
#include "daemon/ctl/field.h"
#include "lib/transaction.h"
#include "proto/api/errors.h"

namespace ivshmemd::ctl {
namespace {

void print_place(const json& fault, const TopologyFile& file, const std::string& path,
                 Console& console) {
    const std::string key = text_field(&fault, "key");
    const std::string line = file.line_of(key);
    const std::string vm = text_field(&fault, "vm");
    const std::string device = text_field(&fault, "device");
    std::string about = path + (line.empty() ? "" : ":" + line);
    if (!key.empty()) about += ": " + key;
    if (!vm.empty()) about += ": " + vm + (device.empty() ? "" : "/" + device);
    console.err << "  " << printable(about) << ": " << printable(text_field(&fault, "message"))
                << '\n';
}

}  // namespace

Answer faulty_file(const std::vector<Error>& faults, const std::string& path) {
    std::string message = path + ": " + faults.front().message;
    if (faults.size() > 1) message += "; and " + std::to_string(faults.size() - 1) + " more";
    Answer answer = client_error(Error(ErrorKind::invalid_parameter, message));
    const varlink::ErrorReply spelled = api::spell_error(transaction_error(faults, {}));
    json parameters(*answer.parameters);
    parameters["faults"] = list_field(*spelled.parameters, "faults");
    answer.parameters = std::make_shared<const json>(std::move(parameters));
    return answer;
}

int print_faults(const Answer& answer, const TopologyFile& file, const std::string& path,
                 Session& session) {
    const json& faults = list_field(*answer.parameters, "faults");
    if (faults.empty() || session.json_mode() != JsonMode::off) {
        return print_error(answer, session.json_mode(), session.console());
    }
    print_message(answer.message, session.console());
    for (const json& fault : faults) print_place(fault, file, path, session.console());
    return answer.exit_code;
}

}  // namespace ivshmemd::ctl
