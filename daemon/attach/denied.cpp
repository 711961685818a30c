#include "daemon/attach/denied.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <fstream>
#include <sstream>

#include "daemon/base/unique_fd.h"
#include "daemon/vm/bridge.h"
#include "daemon/vm/executor.h"

namespace ivshmemd {
namespace {

// strerror(EACCES) in the only language that QEMU's monitor speaks.
constexpr std::string_view no_access = "Permission denied";

struct Label {
    std::string text;
    int error = 0;
};

Label read_label(const std::string& path) {
    const UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!file) return {"", errno};
    std::array<char, 4096> buffer{};
    const ssize_t count = ::read(file.get(), buffer.data(), buffer.size());
    if (count < 0) return {"", errno};
    return {std::string(buffer.data(), static_cast<std::size_t>(count)), 0};
}

// A bridge knows it from libvirt where /proc shows nothing.
Confinement confinement_of_qemu(const Vm& vm, const std::string& process) {
    const std::optional<BridgeNote> note = believed_note(vm.config().qmp_socket);
    if (note && !note->label.empty()) return read_confinement(note->label);
    return process.empty() ? Confinement() : confinement_of(process);
}

}  // namespace

Confinement confinement_of(const std::string& process) {
    // Where several modules have labels, the common file has but one of them.
    Label label = read_label(process + "/attr/apparmor/current");
    if (label.error != 0 || label.text.empty()) label = read_label(process + "/attr/current");
    if (label.error == EINVAL) return {Confinement::By::nothing, ""};
    return read_confinement(label.text);
}

std::optional<uid_t> file_user_of(const std::string& process) {
    std::ifstream file(process + "/status");
    for (std::string line; std::getline(file, line);) {
        if (!line.starts_with("Uid:")) continue;
        std::istringstream words(line.substr(4));
        uid_t real = 0, effective = 0, saved = 0, of_files = 0;
        if (words >> real >> effective >> saved >> of_files) return of_files;
    }
    return std::nullopt;
}

std::string advice_of(const Vm& vm, const Decision& decision, const Command& command,
                      const qmp::ErrorReply& reply) {
    const auto* backend = std::get_if<AddBackend>(&command);
    if (!backend || reply.description.find(no_access) == std::string::npos) return "";
    DeniedOpen denied;
    denied.path = backend->path;
    const RegionFacts facts = RegionFiles::inspect(denied.path);
    denied.mode = facts.mode;
    denied.owner = facts.owner;
    denied.passing = decision.region.create;
    denied.user = vm.qemu_user();
    denied.admitted = RegionFiles::admits(denied.path, denied.user);
    denied.pid = vm.identity().pid;
    const std::string process = denied.pid ? "/proc/" + std::to_string(*denied.pid) : "";
    if (!process.empty()) denied.runs_as = file_user_of(process);
    denied.confinement = confinement_of_qemu(vm, process);
    return advise(denied);
}

}  // namespace ivshmemd
