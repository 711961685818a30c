#include "tests/daemon/faults/scene.h"

#include "tests/daemon/host_work.h"

#include <fstream>

#include "daemon/attach/attach.h"
#include "daemon/reload.h"
#include "tests/daemon/faults/fault.h"
#include "tests/support/json_text.h"

namespace ivshmemd::test {
namespace {

// Longer than any deadline, and than several of them one after the other.
constexpr Milliseconds patience{std::chrono::minutes(20)};

// Longer than a device is looked at after its attach.
constexpr Milliseconds afterwards{20000};

constexpr Milliseconds qemu_restart{2000};

std::string command_of(const json& request) {
    const json name = member(request, request.contains("execute") ? "execute" : "exec-oob");
    return name.is_string() ? name.get<std::string>() : "";
}

}  // namespace

Scene::Scene() : bell_(directory_ / "bell") {
    host_.deadlines = Deadlines();
    host_.config.log_level = "off";
    host_.config.vms.pop_back();  // "b", which nobody needs here
    std::ofstream(region_path("theirs")) << std::string(4096, 't');
    put_things_of_others();
    loop_.own_time([this] {
        const bool busy = bell_.serve() || is_working(host_);
        return !busy && pc_.is_idle();
    });
}

void Scene::put_things_of_others() {
    pc_.put_backend("theirs.mem", {region_path("theirs"), 4096, true});
    pc_.put_device("theirs", {.slot = 9, .backend = "theirs.mem", .master = "on"});
    pc_.put_chardev("theirs.chr");
}

void Scene::open() {
    serve();
    pass(Milliseconds(1000));
}

void Scene::attach_first(const DeviceRequest& request) {
    const Result<Attached> attached = loop_.run(attach(vm(), request, false));
    ASSERT_TRUE(attached) << attached.error().message;
    pass(Milliseconds(20000));
}

void Scene::call(const std::string& method, const json& parameters) {
    client_.emplace(connect());
    call_again(method, parameters);
}

void Scene::call_again(const std::string& method, const json& parameters) {
    called_ = true;
    reply_ = nullptr;
    final_replies_ = 0;
    client_->send(hotplug(method), parameters, {{"more", true}});
}

void Scene::reload() {
    apply_config(host_, registry_, host_.config);
}

void Scene::later(Milliseconds time, std::function<void()> action) {
    later_.push_back({SteadyClock::now() + time, std::move(action)});
}

void Scene::end_qemu() {
    pc_.die();
    migration_.forget();
    for (const char* name : {"events", "return-path"}) migration_.set_capability(name, false);
    died_ = true;
    // As after SIGKILL its socket is left, and the next one is not to have the inode of this one.
    std::filesystem::create_hard_link(socket("a"), directory_ / "a.dead");
    put_things_of_others();
    later(qemu_restart, [this] { pc_.listen(socket("a")); });
}

void Scene::watch(const std::string& command, std::size_t which, const Fault* fault) {
    {
        const std::lock_guard lock(mutex_);
        exchanges_.clear();
        command_ = command;
        before_ = which;
        struck_ = false;
        fault_ = fault;
        acted_ = false;
    }
    pc_.qemu().direct([this](const json& request) { return direct(request); });
}

FakeQemu::Staging Scene::direct(const json& request) {
    const std::lock_guard lock(mutex_);
    exchanges_.push_back(command_of(request));
    const bool meant = fault_ && !struck_ && exchanges_.back() == command_;
    const bool strikes = meant && before_ == 0;
    if (strikes) struck_ = true;
    if (meant && !strikes) --before_;
    return strikes ? fault_->staging : FakeQemu::Staging();
}

std::vector<std::string> Scene::exchanges() const {
    const std::lock_guard lock(mutex_);
    return exchanges_;
}

bool Scene::has_struck() const {
    const std::lock_guard lock(mutex_);
    return struck_;
}

void Scene::tick() {
    while (client_) {
        json message = client_->next(Deadline::after(Milliseconds(0)));
        if (message.is_null()) break;
        if (message.value("continues", false)) continue;
        told_ += message.dump();
        reply_ = std::move(message);
        ++final_replies_;
    }
    if (fault_ && !acted_ && pc_.qemu().is_held()) {
        acted_ = true;
        fault_->act(*this);
    }
    std::vector<Later> due;
    for (std::size_t i = 0; i < later_.size();) {
        if (later_[i].when > SteadyClock::now()) {
            ++i;
            continue;
        }
        due.push_back(std::move(later_[i]));
        later_.erase(later_.begin() + static_cast<std::ptrdiff_t>(i));
    }
    for (const Later& each : due) each.action();
}

void Scene::end() {
    host_.relays.leave();
    TearDown();
}

bool Scene::is_held() const {
    const auto found = host_.holds.find("a");
    return client_ && found != host_.holds.end() && found->second->story.phase() == HoldPhase::held;
}

std::string Scene::error() const {
    const std::string name = reply_.is_object() ? reply_.value("error", "") : "";
    return name.substr(name.rfind('.') + 1);
}

std::string Scene::diary() const {
    std::string text = "reply: " + reply_.dump() + "\n";
    for (const Event& each : events_) {
        text += std::string(event_name(each.kind)) + " " + each.device.value_or("") + " " +
                each.detail + "\n";
    }
    for (const std::string& each : exchanges()) text += each + " ";
    return text;
}

std::string Scene::unsettled() {
    const std::shared_ptr<Vm> machine = vm();
    if (!is_answered()) return "the call is not answered";
    if (!later_.empty() || pc_.qemu().is_held()) return "the fault is not over";
    if (machine->state() != VmState::connected) return "the VM is not connected";
    if (machine->turn().busy()) return "somebody has the turn";
    for (const auto& [path, departure] : machine->departures().all()) {
        // A refusal is kept for whoever asks next.
        if (departure.phase != Departure::Phase::refused) return "a departure has no end";
    }
    if (machine->declared().settling()) return "declared devices are not settled";
    if (machine->migration().claimed() && !is_held()) return "a migration has no end";
    if (machine->migration().plugging_back()) return "peers are being plugged back";
    return "";
}

std::vector<std::string> Scene::converge() {
    const SteadyClock::time_point give_up = SteadyClock::now() + patience;
    std::string left;
    do {  // what comes later may unsettle it again
        const bool done = loop_.run_until([&] {
            tick();
            return unsettled().empty() || SteadyClock::now() >= give_up;
        });
        if (!done) return {"no end in real time: " + unsettled()};
        pass(afterwards);
        left = unsettled();
    } while (!left.empty() && SteadyClock::now() < give_up);
    return left.empty() ? std::vector<std::string>() : std::vector<std::string>{left};
}

void Scene::pass(Milliseconds time) {
    const SteadyClock::time_point end = SteadyClock::now() + time;
    bool over = false;
    Timer timer(loop_.executor(), end);
    timer.async_wait([&over](const boost::system::error_code&) { over = true; });
    loop_.run_until([&] {
        tick();
        return over;
    });
    loop_.run_until_quiet();
    tick();
}

}  // namespace ivshmemd::test
