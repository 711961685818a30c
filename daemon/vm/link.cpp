#include "daemon/vm/link.h"

#include "daemon/vm/bridge.h"
#include "lib/run_state.h"

namespace ivshmemd {

void Link::publish(const std::string& detail) {
    host_.events.publish({EventKind::vm_state, vm_, std::nullopt, detail});
}

void Link::enter(VmState state) {
    if (state_ == state) return;
    state_ = state;
    publish(std::string(vm_state_name(state)));
    changed_.notify_all();
}

std::optional<Error> Link::unavailable() const {
    if (state_ == VmState::connected && session_ && !session_->cause()) return std::nullopt;
    if (preconfig_) {
        return Error(ErrorKind::vm_unavailable, "VM " + vm_ + ": " + *last_error_,
                     {{"state", std::string(preconfig)}});
    }
    const bool lost = state_ == VmState::connected;  // a moment ago
    const std::string state(vm_state_name(lost ? VmState::unreachable : state_));
    std::string message = lost ? "VM " + vm_ + " has gone away" : "VM " + vm_ + " is " + state;
    if (last_error_) message += ": " + *last_error_;
    if (state_ == VmState::busy && !held_by_bridge_) {
        message += "; give ivshmemd a monitor of its own";
    } else if (state_ == VmState::unreachable) {
        message += "; is it running, with a QMP socket at " + socket_ + "?";
    }
    return Error(ErrorKind::vm_unavailable, std::move(message), {{"state", state}});
}

bool Link::nobody_listens() const {
    const bool refused =
        !pending_ && !refused_binding_.empty() && refused_binding_ == socket_binding(socket_);
    return refused && !believed_note(socket_);
}

bool Link::last_qemu_gone() const {
    if (session_ && !session_->cause()) return false;
    if (nobody_listens()) return true;
    if (identity_.pid) return has_ended(identity_);
    // A bridge binds its socket anew for the same QEMU.
    if (!identity_.bridge.empty()) return false;
    const std::string binding = socket_binding(socket_);
    return !binding.empty() && binding != identity_.binding;
}

void Link::connecting(std::shared_ptr<qmp::Session> session) {
    pending_ = std::move(session);
    refused_binding_.clear();
    if (state_ == VmState::unreachable) enter(VmState::connecting);
}

void Link::greeted() {
    enter(VmState::connecting);
}

void Link::held(std::string why) {
    failed(VmState::busy, std::move(why));
    end_attempt();
}

void Link::held_by_bridge(std::string why) {
    held(std::move(why));
    held_by_bridge_ = true;
}

void Link::failed(VmState state, std::string why, bool refused) {
    held_by_bridge_ = false;
    refused_binding_ = refused ? socket_binding(socket_) : "";
    last_error_ = std::move(why);
    enter(state);
}

void Link::preconfiguring() {
    last_error_ = "its QEMU was started with -preconfig and has made no machine yet; " +
                  std::string(end_preconfig);
    if (!preconfig_) publish(std::string(preconfig));
    preconfig_ = true;
    changed_.notify_all();
}

void Link::end_attempt() {
    ++attempts_;
    changed_.notify_all();
}

bool Link::established(std::shared_ptr<qmp::Session> session, Identity identity, std::string uuid,
                       Capabilities capabilities) {
    const bool same = is_same_process(identity_, identity);
    if (!same) {
        started_ = false;
        run_state_.clear();
    }
    // What it was started with stays, and what a refusal has told is told by nothing else.
    const bool only_migratable = same && capabilities_ && capabilities_->only_migratable;
    capabilities.only_migratable = capabilities.only_migratable || only_migratable;
    session_ = std::move(session);
    identity_ = std::move(identity);
    uuid_ = std::move(uuid);
    capabilities_ = std::move(capabilities);
    last_error_.reset();
    preconfig_ = false;
    return !same;
}

void Link::learn_only_migratable() {
    if (capabilities_) capabilities_->only_migratable = true;
}

void Link::lost(std::string why) {
    pending_.reset();
    session_.reset();
    preconfig_ = false;
    failed(VmState::unreachable, std::move(why));
    changed_.notify_all();
}

void Link::silent() {
    if (session_) enter(VmState::unresponsive);
}

void Link::explain_silence(std::string why) {
    if (state_ == VmState::unresponsive) last_error_ = std::move(why);
}

void Link::answering() {
    if (!session_) return;
    last_error_.reset();
    enter(VmState::connected);
}

void Link::follow_run_state(const std::string& run_state) {
    if (run_state.empty() || run_state_ == run_state) return;
    run_state_ = run_state;
    // One that has never run can be migrated, and comes back from that as it was.
    if (run_state != "prelaunch" && !is_between_hosts(run_state)) started_ = true;
    if (state_ == VmState::connected) publish(run_state);
    changed_.notify_all();
}

void Link::stop(const std::string& why) {
    stopping_ = true;
    if (pending_) pending_->close(Error(ErrorKind::vm_unavailable, why));
    retry_.notify_all();
    changed_.notify_all();
}

}  // namespace ivshmemd
