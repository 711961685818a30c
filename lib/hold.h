#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "lib/device.h"
#include "lib/reason.h"

namespace ivshmemd {

// A hold: devices of a VM are out for a client that has something else migrate or save it.
//
//   taking -> held -> waiting <-> returning -> back
//                        |            |
//                        +-> left <---+
//
// Taking ends early, and back, when the guest keeps a device. The client ends the hold, by a word
// or by going away; what it began with the VM may go on for longer, and is waited for.

enum class HoldPhase {
    taking,     // the guest is asked to let the devices go
    held,       // they are out for as long as the client wants
    waiting,    // it wants no longer, but the VM still migrates, is being saved, or cannot be asked
    returning,  // they are plugged in again
    back,       // nothing more is done here: they are, or what could not be is known
    left,       // the VM is not here any more, and they are out
};

enum class HoldEvent {
    taken,     // all are out
    failed,    // they are not, and are being put back by whoever took them out
    ended,     // by the client, or with its connection
    idle,      // nothing goes on with the VM
    busy,      // something does
    gone,      // the VM has left
    returned,  // all was tried that brings the devices back
};

/// Decides what comes next. An event that means nothing in a phase changes nothing.
class HoldStory {
  public:
    explicit HoldStory(HoldPhase phase = HoldPhase::taking) : phase_(phase) {}

    HoldPhase phase() const { return phase_; }
    bool over() const { return phase_ == HoldPhase::back || phase_ == HoldPhase::left; }
    /// Whether the client wants it no longer.
    bool ended() const { return ended_; }
    void on(HoldEvent event);

  private:
    HoldPhase phase_;
    bool ended_ = false;  // also while the devices are being taken out
};

/// Devices of a VM that are out, or being taken out, for a client.
struct Hold {
    std::weak_ptr<const void> holder{};  // the client's connection; nobody's after a restart
    HoldStory story{};
    bool settled = false;  // over, and written down
    std::vector<DeviceSpec> devices{};
    std::vector<Reason> warnings{};       // of a migration without them, such as of its masters
    std::string doing{};                  // what goes on, for people
    std::vector<std::string> problems{};  // why devices could not be plugged in again
};

/// What can be seen of a held VM.
struct HoldLook {
    bool connected = false;
    bool answers = false;     // QEMU told the two below
    bool same_vm = true;      // it is the one whose devices are out
    bool given_up = false;    // it has not been connected for so long that it counts as gone
    std::string run_state{};  // as QEMU has it
    std::string status{};     // of its migration, in QEMU's word
};

/// idle, busy or gone.
HoldEvent judge_look(const HoldLook& look);

/// Why the devices do not come back yet, for people; for a look that is busy.
std::string why_busy(const HoldLook& look);

/// A hold as it is told to others.
struct HoldNote {
    enum class Phase {
        taking,
        held,
        returning,
        out,  // nobody brings them back but replug
    };
    std::string vm;
    Phase phase = Phase::taking;
    std::vector<std::string> devices;
    std::string text;         // for people
    std::string mend;         // the command that brings the devices back; empty unless they are out
    std::string forget = {};  // the command that gives them up; empty while a client has them out
};

/// The API's word.
std::string_view hold_phase_name(HoldNote::Phase phase);

}  // namespace ivshmemd
