#include "daemon/attach/proof.h"

#include "daemon/attach/probe_file.h"
#include "daemon/region/lease.h"
#include "daemon/region/process_memory.h"
#include "daemon/state/proofs.h"
#include "daemon/vm/vm.h"

namespace ivshmemd {
namespace {

struct Question {
    std::string path;
    RegionIdentity file;
    std::uint64_t size = 0;
    bool readonly = false;
    std::optional<pid_t> pid;
    bool may_lease = false;
};

/// What looking alone tells.
struct Look {
    Proof proof;
    bool decided = false;
};

std::string where_else(const Mapping& memory, const std::string& path) {
    if (!memory.shared) return "it maps a private copy of " + path;
    return "it sees another file system than this host, and has a file of its own at " + path;
}

Look look(const Question& question) {
    Look look;
    Mapping& memory = look.proof.memory;
    memory = whole_file(question.file, question.size);
    memory.path = memory.label = question.path;
    memory.writable = !question.readonly;
    const MemoryClaim claim{true, 0, question.size, true, question.readonly};
    const Mapping seen = ProcessMemory(question.pid).find_shared(question.path, claim);
    const bool is_ours =
        seen.kind == Mapping::Kind::file && seen.file == question.file && seen.shared;
    if (seen.verified) {
        memory.verified = is_ours;
        if (!is_ours) look.proof.problem = where_else(seen, question.path);
        look.decided = true;
        return look;
    }
    if (!question.may_lease) return look;
    if (find_openers(question.path, question.file) == Openers::nobody) {
        look.proof.problem = where_else(memory, question.path);
        look.decided = true;
    }
    return look;
}

}  // namespace

Error other_memory_error(const std::string& vm, const std::string& path,
                         const std::string& problem) {
    return Error(ErrorKind::region_unavailable,
                 "VM " + vm + " would not share region " + path + ": its QEMU accepted it, but " +
                     problem + "; let it see " + path.substr(0, path.rfind('/')) +
                     " of the host, with no container mount, PrivateTmp= or the like over it");
}

awaitable<Proof> prove_memory(std::shared_ptr<Vm> vm, const Decision& decision,
                              const Parts& parts) {
    Question question;
    question.path = decision.region.path;
    question.file = decision.region.identity;
    question.size = decision.spec.size;
    question.readonly = decision.spec.readonly;
    question.pid = vm->identity().pid;
    const RegionUsers& users = vm->host().region_users;
    const bool is_coming = users.is_coming(question.file, vm->name() + "/" + decision.spec.name);
    question.may_lease = !is_coming && !users.is_unlinking(question.file);
    const auto job = [question] { return look(question); };
    const Look seen = co_await vm->host().looker.run(job);
    Proof proof = seen.proof;
    if (seen.decided || decision.region.device) co_return proof;
    std::string made;
    const SeenDirectory directory = co_await probe_directory(vm, decision, parts, made);
    proof.memory.verified = directory == SeenDirectory::same;
    if (directory == SeenDirectory::another) {
        proof.problem = where_else(proof.memory, question.path) + " and at " + made;
    }
    // That of a legacy device is deleted at once, and another may come to have its id.
    const bool stays = decision.spec.model != Model::legacy;
    if (proof.memory.verified && stays) {
        co_await remember_proof(*vm->host().store, vm->key(), parts.backend_id, question.file,
                                vm->inventory());
    }
    co_return proof;
}

}  // namespace ivshmemd
