#include "daemon/ctl/move_check.h"

#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>

#include "daemon/ctl/field.h"
#include "daemon/ctl/listed_inventory.h"
#include "lib/migration/destination.h"
#include "proto/api/migration_values.h"

namespace ivshmemd::ctl {
namespace {

const json* find_named(const json& list, const std::string& name) {
    for (const json& each : list) {
        if (text_field(&each, "name") == name) return &each;
    }
    return nullptr;
}

std::size_t usable_slots(const json& capabilities) {
    std::size_t count = 0;
    for (const json& bus : list_field(capabilities, "buses")) {
        count += list_field(bus, "usable").size();
    }
    return count;
}

bool has_model(const json& capabilities, const json& device) {
    const json& models = list_field(capabilities, "models");
    return std::find(models.begin(), models.end(), text_field(&device, "model")) != models.end();
}

// QEMU's own word for what the peers do, which does not name them.
bool is_about_peers(const json& reason) {
    return text_field(&reason, "source") == "qemu" &&
           text_field(&reason, "text").find("peer mode") != std::string::npos;
}

// A reply is kept, an error is the end.
Answer keep(Answer answer, json& reply) {
    if (answer) reply = *answer.parameters;
    return answer;
}

class MoveCheck {
  public:
    MoveCheck(Session& here, Session& there, const Move& move);

    Answer run();

  private:
    Answer ask_here();
    Answer ask_there();
    void judge_source();
    // False when there is no QEMU to look at.
    bool judge_vm();
    void judge_peers();
    void judge_regions();
    void refuse(const std::string& text, const std::string& device = "");
    Answer verdict() const;

    Session& here_;
    Session& there_;
    const Move& move_;
    const std::string& vm_;
    std::string host_;
    json devices_;  // the replies of both sides
    json against_;
    json vms_;
    json regions_;
    json devices_there_;
    json capabilities_;
    json peers_ = json::array();                   // those that are plugged in again
    json staying_ = {{"devices", json::array()}};  // the others
    json reasons_ = json::array();
};

MoveCheck::MoveCheck(Session& here, Session& there, const Move& move)
    : here_(here), there_(there), move_(move), vm_(move.vm), host_(there.address().host) {
    if (!move.detach_peers) peers_ = nullptr;
}

Answer MoveCheck::run() {
    if (Answer answer = ask_here(); !answer) return answer;
    if (Answer answer = ask_there(); !answer) return answer;
    judge_source();
    if (judge_vm()) {
        const json vm = {{"vm", vm_}};
        const std::string activity = "looking at " + vm_ + " on " + host_;
        Answer answer = keep(there_.call("ListDevices", vm, activity), devices_there_);
        if (!answer) return answer;
        answer = keep(there_.call("Probe", vm, activity), capabilities_);
        if (!answer) return answer;
        judge_peers();
    }
    judge_regions();
    return verdict();
}

Answer MoveCheck::ask_here() {
    const json vm = {{"vm", vm_}};
    Answer answer = keep(here_.call("ListDevices", vm, "looking at " + vm_), devices_);
    if (!answer) return answer;
    return keep(here_.call("CheckMigration", vm, "looking at " + vm_), against_);
}

Answer MoveCheck::ask_there() {
    const json nothing = json::object();
    Answer answer = keep(there_.call("ListVms", nothing, "looking at " + host_), vms_);
    if (!answer) return answer;
    return keep(there_.call("ListRegions", nothing, "looking at " + host_), regions_);
}

// Migrate refuses for these as well; here they are told along with all the others.
void MoveCheck::judge_source() {
    const bool peers_leave = peers_.is_array();
    for (const json& device : list_field(devices_, "devices")) {
        const bool wanted = flag_field(&device, "blocksMigration") || move_.masters;
        const bool leaves = wanted && text_field(&device, "origin") == "managed";
        if (peers_leave && leaves) {
            peers_.push_back(device);
        } else {
            staying_["devices"].push_back(device);
        }
    }
    for (const json& reason : list_field(against_, "reasons")) {
        const std::string device = text_field(&reason, "device");
        if (peers_leave && find_named(peers_, device) != nullptr) continue;
        if (peers_leave && !peers_.empty() && is_about_peers(reason)) continue;
        if (move_.force && text_field(&reason, "severity") != "blocks") continue;
        reasons_.push_back(reason);
    }
}

bool MoveCheck::judge_vm() {
    const json* vm = find_named(list_field(vms_, "vms"), vm_);
    const std::string state = text_field(vm, "state");
    const bool has_monitor = vm != nullptr && state != "unreachable" && state != "connecting";
    if (move_.may_come_late && !has_monitor) return false;
    if (vm == nullptr) {
        refuse("the daemon on " + host_ + " looks after no VM " + vm_);
        return false;
    }
    if (state != "connected") {
        const std::string why = text_field(vm, "lastError");
        refuse("VM " + vm_ + " on " + host_ + " is " + state + (why.empty() ? "" : ": " + why));
        return false;
    }
    const std::string run_state = text_field(vm, "runState");
    if (run_state != "inmigrate") {
        refuse("VM " + vm_ + " on " + host_ + " is " + run_state +
               ", and waits for no migration; start its QEMU with -incoming");
    }
    return true;
}

void MoveCheck::judge_peers() {
    const auto masters = judge_destination(inventory_of(staying_), inventory_of(devices_there_),
                                           vm_ + " on " + host_);
    for (const json& reason : api::spell_reasons(masters)) reasons_.push_back(reason);
    if (peers_.empty()) return;
    const json* found = find(capabilities_, "capabilities");
    const json capabilities = found == nullptr ? json::object() : *found;
    for (const json& peer : peers_) {
        if (has_model(capabilities, peer)) continue;
        refuse("the QEMU of VM " + vm_ + " on " + host_ + " has no " + model_field(&peer, "model"),
               text_field(&peer, "name"));
    }
    const std::size_t slots = usable_slots(capabilities);
    if (slots >= peers_.size()) return;
    refuse("VM " + vm_ + " on " + host_ + " has room for " + std::to_string(slots) + " of " +
           std::to_string(peers_.size()) + " peers; see 'ivshmemctl -H " + host_ + " probe " + vm_ +
           "'");
}

void MoveCheck::judge_regions() {
    for (const json& peer : peers_) {
        const std::string name = text_field(&peer, "region");
        const json* region =
            name.empty() ? nullptr : find_named(list_field(regions_, "regions"), name);
        if (region == nullptr || text_field(region, "size") == text_field(&peer, "size")) continue;
        refuse("region " + name + " has " + size_field(region, "size") + " on " + host_ + ", and " +
                   size_field(&peer, "size") + " here",
               text_field(&peer, "name"));
    }
}

void MoveCheck::refuse(const std::string& text, const std::string& device) {
    json reason = {{"severity", "blocks"}, {"source", "ivshmemd"}, {"text", text}};
    if (!device.empty()) reason["device"] = device;
    reasons_.push_back(std::move(reason));
}

Answer MoveCheck::verdict() const {
    if (reasons_.empty()) return success(nullptr);
    std::string message = "VM " + vm_ + " cannot move to " + host_ + ", and nothing was begun: ";
    for (const json& reason : reasons_) {
        if (&reason != &reasons_.front()) message += "; ";
        const std::string device = text_field(&reason, "device");
        message += (device.empty() ? "" : device + ": ") + text_field(&reason, "text");
    }
    Answer answer = client_error("MigrationBlocked", message,
                                 exit_code(ErrorKind::migration_blocked), {{"vm", vm_}});
    json parameters = *answer.parameters;
    parameters["reasons"] = reasons_;
    answer.parameters = std::make_shared<const json>(std::move(parameters));
    return answer;
}

}  // namespace

Answer check_move(Session& here, Session& there, const Move& move) {
    return MoveCheck(here, there, move).run();
}

}  // namespace ivshmemd::ctl
