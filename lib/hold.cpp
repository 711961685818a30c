#include "lib/hold.h"

#include <algorithm>
#include <array>

#include "lib/migration/migration.h"

namespace ivshmemd {
namespace {

using enum HoldPhase;

struct Move {
    HoldPhase from;
    HoldEvent event;
    HoldPhase to;
};

constexpr std::array moves{
    Move{taking, HoldEvent::taken, held},   Move{taking, HoldEvent::failed, back},
    Move{held, HoldEvent::ended, waiting},  Move{waiting, HoldEvent::idle, returning},
    Move{waiting, HoldEvent::gone, left},   Move{returning, HoldEvent::busy, waiting},
    Move{returning, HoldEvent::gone, left}, Move{returning, HoldEvent::returned, back},
};

// A VM in one of them is being moved, saved or restored, or is about to be.
constexpr std::array moving_states{"inmigrate", "finish-migrate", "save-vm", "restore-vm", "colo"};

bool is_moving(const std::string& run_state) {
    return std::find(moving_states.begin(), moving_states.end(), run_state) != moving_states.end();
}

}  // namespace

void HoldStory::on(HoldEvent event) {
    if (event == HoldEvent::ended) ended_ = true;
    const auto move = std::find_if(moves.begin(), moves.end(), [&](const Move& each) {
        return each.from == phase_ && each.event == event;
    });
    if (move != moves.end()) phase_ = move->to;
    if (phase_ == held && ended_) phase_ = waiting;
}

HoldEvent judge_look(const HoldLook& look) {
    if (!look.connected) return look.given_up ? HoldEvent::gone : HoldEvent::busy;
    if (!look.same_vm) return HoldEvent::gone;
    if (!look.answers || is_moving(look.run_state)) return HoldEvent::busy;
    if (is_migrating(look.status, look.run_state)) return HoldEvent::busy;
    return look.run_state == "postmigrate" ? HoldEvent::gone : HoldEvent::idle;
}

std::string why_busy(const HoldLook& look) {
    if (!look.connected) return "the VM is not connected";
    if (!look.answers) return "its QEMU does not answer";
    if (is_migrating(look.status, look.run_state)) return "it is migrating (" + look.status + ")";
    return "it is in run state " + look.run_state;
}

std::string_view hold_phase_name(HoldNote::Phase phase) {
    switch (phase) {
        case HoldNote::Phase::taking:
            return "taking";
        case HoldNote::Phase::held:
            return "held";
        case HoldNote::Phase::returning:
            return "returning";
        case HoldNote::Phase::out:
            break;
    }
    return "out";
}

}  // namespace ivshmemd
