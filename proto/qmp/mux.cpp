#include "proto/qmp/mux.h"

#include <utility>

namespace ivshmemd::qmp {

Result<std::uint64_t> Mux::add() {
    if (cause_) return *cause_;
    if (calls_.size() >= capacity_) {
        return Error(ErrorKind::vm_unavailable, "QEMU has left too many commands unanswered",
                     {{"state", "unresponsive"}});
    }
    calls_.emplace(++last_id_, State::waiting);
    return last_id_;
}

Mux::Outcome Mux::on_message(const Reply& reply) {
    return answer(reply.id);
}

Mux::Outcome Mux::on_message(const ErrorReply& error) {
    // QEMU leaves the id out when it could not parse a command. One bad line may yield several such
    // errors, so which call failed cannot be told by counting either.
    if (error.id.kind == ReplyId::Kind::absent) return Outcome::protocol_error;
    return answer(error.id);
}

Mux::Outcome Mux::answer(const ReplyId& id) {
    const auto call = id.kind == ReplyId::Kind::number ? calls_.find(id.number) : calls_.end();
    if (call == calls_.end()) {
        ++unknown_;
        return Outcome::unknown;
    }
    const bool late = call->second == State::abandoned;
    calls_.erase(call);
    if (late) --abandoned_;
    return late ? Outcome::late : Outcome::matched;
}

bool Mux::abandon(std::uint64_t id) {
    const auto call = calls_.find(id);
    if (call == calls_.end() || call->second == State::abandoned) return false;
    call->second = State::abandoned;
    ++abandoned_;
    return true;
}

std::vector<std::uint64_t> Mux::close(Error cause) {
    if (!cause_) cause_ = std::move(cause);
    std::vector<std::uint64_t> ended;
    for (const auto& [id, state] : calls_) {
        if (state == State::waiting) ended.push_back(id);
    }
    calls_.clear();
    abandoned_ = 0;
    return ended;
}

}  // namespace ivshmemd::qmp
