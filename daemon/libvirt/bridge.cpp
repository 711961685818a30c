#include "daemon/libvirt/bridge.h"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <filesystem>
#include <random>

#include "daemon/base/backoff.h"
#include "daemon/base/log.h"
#include "lib/names.h"

namespace ivshmemd::libvirt {
namespace {

constexpr Milliseconds shortest_pause{250};
constexpr Milliseconds longest_pause{5000};

}  // namespace

Bridge::Bridge(Executor executor, const Options& options)
    : executor_(std::move(executor)),
      options_(options),
      changed_(executor_),
      status_line_(executor_, [this] { return status(); }) {}

void Bridge::start() {
    spawn(executor_, "libvirt", follow());
}

void Bridge::stop() {
    stopped_ = true;
    status_line_.stop();
    for (const auto& [uuid, domain] : domains_) domain->leave();
    domains_.clear();
}

awaitable<void> Bridge::follow() {
    const auto self = shared_from_this();
    std::minstd_rand random(std::random_device{}());
    Backoff backoff(shortest_pause, longest_pause);
    while (!stopped_) {
        ConnectionPointer connection = co_await connect();
        if (connection) {
            backoff.reset();
            co_await follow_domains(connection);
            // Giving it back may wait for libvirtd.
            auto give_back = [connection = std::move(connection)]() mutable {
                connection.reset();
                return true;
            };
            co_await caller_.run(std::move(give_back));
        }
        Timer timer(executor_, SteadyClock::now() + backoff.next(random));
        co_await timer.async_wait(as_result);
    }
}

// Handlers are called in another thread, and may be called once more after their connection ended.
Connection::Handlers Bridge::handlers() {
    const std::weak_ptr<Bridge> weak = weak_from_this();
    const std::uint64_t number = ++connection_number_;
    const auto in_turn = [weak, number, executor = executor_](auto action) {
        boost::asio::post(executor, [weak, number, action = std::move(action)] {
            const auto self = weak.lock();
            if (self && !self->stopped_ && self->connection_number_ == number) action(*self);
        });
    };
    Connection::Handlers handlers;
    handlers.domains_changed = [in_turn] {
        in_turn([](Bridge& self) {
            self.look_again_ = true;
            self.changed_.notify_all();
        });
    };
    handlers.event = [in_turn](MonitorEvent event) {
        in_turn([event = std::move(event)](Bridge& self) { self.take(event); });
    };
    handlers.closed = [in_turn](std::string why) {
        in_turn([why = std::move(why)](Bridge& self) { self.lose(why); });
    };
    return handlers;
}

awaitable<Bridge::ConnectionPointer> Bridge::connect() {
    auto open = [uri = options_.uri, heard = handlers()] { return Connection::open(uri, heard); };
    const auto result = co_await caller_.run(std::move(open));
    if (stopped_) co_return nullptr;
    if (const auto* connection = std::get_if<ConnectionPointer>(&result)) {
        away_.clear();
        log_info({"connected to libvirt ", std::to_string((*connection)->version()), " at ",
                  options_.uri});
        co_return *connection;
    }
    const Failure& failure = std::get<Failure>(result);
    const std::string advice = advise_on_rights(failure);
    const std::string why =
        "cannot reach libvirt at " + options_.uri + ": " + printable(failure.message, 400);
    if (away_ != why) log_error({why, advice.empty() ? "" : "; ", advice, "; trying on"});
    lose(why);
    co_return nullptr;
}

awaitable<void> Bridge::follow_domains(ConnectionPointer connection) {
    look_again_ = true;
    while (!stopped_ && away_.empty()) {
        if (!look_again_) {
            co_await changed_.wait_until(SteadyClock::time_point::max());
            continue;
        }
        look_again_ = false;
        auto list = [connection] { return connection->domains(); };
        const auto running = co_await caller_.run(std::move(list));
        if (stopped_ || !away_.empty()) break;
        if (const auto* domains = std::get_if<std::vector<RunningDomain>>(&running)) {
            settle(*domains);
        } else {
            lose("libvirt tells no domains: " + printable(std::get<Failure>(running).message, 400));
        }
    }
}

void Bridge::settle(const std::vector<RunningDomain>& running) {
    for (auto place = domains_.begin(); place != domains_.end();) {
        const bool stays = std::any_of(running.begin(), running.end(), [&](const auto& each) {
            return each.is_same_run(place->second->run());
        });
        if (stays) {
            place->second->found_libvirtd();
            ++place;
            continue;
        }
        log_info({place->second->vm(), ": its domain has ended, or has another name by now"});
        place->second->stop();
        names_.give_back(place->first);
        place = domains_.erase(place);
    }
    // Domains whose names are VM names come first.
    for (const bool plain : {true, false}) {
        for (const RunningDomain& run : running) {
            const bool is_plain = check_vm_name(run.name).has_value();
            if (is_plain == plain && !domains_.contains(run.uuid)) add(run);
        }
    }
    remove_leftovers();
    status_line_.touch();
}

// Those of an earlier bridge, of domains that have ended since.
void Bridge::remove_leftovers() {
    std::set<std::string> ours;
    for (const auto& [uuid, domain] : domains_) ours.insert(domain->vm());
    std::error_code ignored;
    for (const auto& entry : std::filesystem::directory_iterator(options_.directory, ignored)) {
        const std::filesystem::path& path = entry.path();
        const bool is_made_here = path.extension() == ".qmp" || path.extension() == ".json";
        if (is_made_here && !ours.contains(path.stem())) std::filesystem::remove(path, ignored);
    }
}

bool Bridge::add(const RunningDomain& run) {
    const std::string shown = printable(run.name);
    const std::optional<std::string> vm = names_.take(run.uuid, run.name);
    if (!vm) {
        const std::string name = vm_name_of(run.name);
        const std::string text = "domain '" + shown + "' gets no monitor: VM " + name +
                                 " is domain '" + printable(names_.owner(name)) + "'";
        if (told_.insert(text).second) log_warning({text});
        return false;
    }
    const auto domain = std::make_shared<Domain>(executor_, options_, run, *vm);
    if (!domain->start()) {
        names_.give_back(run.uuid);
        return false;
    }
    if (*vm != run.name) log_info({"domain '", shown, "' is VM ", *vm}, {{"VM", *vm}});
    log_info({*vm, ": domain ", std::to_string(run.number), ", ", run.uuid}, {{"VM", *vm}});
    domains_.emplace(run.uuid, domain);
    return true;
}

void Bridge::take(const MonitorEvent& event) {
    const auto place = domains_.find(event.uuid);
    if (place != domains_.end()) place->second->take(event);
}

void Bridge::lose(const std::string& why) {
    if (away_.empty()) log_warning({why, "; its domains go on, and are served again with it"});
    away_ = why;
    for (const auto& [uuid, domain] : domains_) domain->lose_libvirtd(why);
    status_line_.touch();
    changed_.notify_all();
}

std::string Bridge::status() const {
    return away_.empty() ? std::to_string(domains_.size()) + " domains" : away_;
}

}  // namespace ivshmemd::libvirt
