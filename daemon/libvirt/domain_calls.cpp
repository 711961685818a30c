#include <libvirt/virterror.h>

#include "daemon/base/log.h"
#include "daemon/libvirt/domain.h"
#include "daemon/libvirt/qemu_process.h"
#include "lib/names.h"

// What a domain asks of libvirt. Each call waits in a thread of its own, and may find the domain
// stopped, or libvirtd gone, when it comes back.

namespace ivshmemd::libvirt {
namespace {

std::string words_of(const Failure& failure) {
    return printable(failure.message, 400);
}

// A link, and who is behind it.
struct Reached {
    std::variant<std::shared_ptr<DomainLink>, Failure> link;
    std::optional<Owner> owner;
    std::string label{};
    std::optional<pid_t> pid;
};

Reached reach(const std::string& uri, const std::string& uuid) {
    Reached reached{DomainLink::open(uri, uuid), std::nullopt, "", std::nullopt};
    const auto* link = std::get_if<std::shared_ptr<DomainLink>>(&reached.link);
    if (!link) return reached;
    DomainLink::Labels labels = (*link)->labels();
    reached.owner = read_owner_label(labels.owner);
    reached.label = std::move(labels.kernel);
    const auto user = reached.owner ? std::optional<uid_t>(reached.owner->uid) : std::nullopt;
    reached.pid = find_qemu(uuid, user);
    if (!reached.owner && reached.pid) reached.owner = owner_of(*reached.pid);
    return reached;
}

}  // namespace

awaitable<bool> Domain::connect() {
    auto call = [uri = options_.uri, uuid = run_.uuid] { return reach(uri, uuid); };
    Reached reached = co_await caller_.run(std::move(call));
    if (const Failure* failure = std::get_if<Failure>(&reached.link)) {
        if (!stopped_) hold("libvirt does not let us to it: " + words_of(*failure));
        co_return false;
    }
    link_ = std::get<std::shared_ptr<DomainLink>>(std::move(reached.link));
    if (reached.owner) note_.uid = reached.owner->uid;
    if (reached.owner) note_.gid = reached.owner->gid;
    note_.label = reached.label;
    note_.pid = reached.pid;
    // libvirt counts its domains anew when it starts and none runs.
    if (note_.pid) {
        note_.run = std::to_string(run_.number) + "/" + std::to_string(*note_.pid) + "/" +
                    start_of(*note_.pid);
    }
    publish();
    co_return true;
}

// The connection may wait for libvirtd when it is given back.
awaitable<void> Domain::drop_link() {
    auto give_back = [link = std::exchange(link_, nullptr)]() mutable {
        link.reset();
        return true;
    };
    co_await caller_.run(std::move(give_back));
}

awaitable<std::optional<std::string>> Domain::fetch_greeting() {
    Request request;
    request.name = "query-version";
    request.command = R"({"execute":"query-version"})";
    const std::optional<std::string> answer = co_await forward(std::move(request), UniqueFd());
    if (!answer) co_return std::nullopt;
    std::string line = greeting_line(*answer);
    if (line.empty()) co_return std::nullopt;
    co_return line;
}

awaitable<std::optional<std::string>> Domain::forward(Request request, UniqueFd fd) {
    const LinkPointer link = link_;
    if (!link) co_return std::nullopt;
    if (fd) {
        const std::optional<std::string> why = descriptor_refusal(link->version());
        if (why) co_return error_line("GenericError", *why, request.id);
    }
    const std::string text = request.command;
    auto call = [link, text, number = fd.get()] { return link->command(text, number); };
    const std::variant<std::string, Failure> result = co_await caller_.run(std::move(call));
    if (const std::string* answer = std::get_if<std::string>(&result)) {
        std::string line = answer_line(*answer, request.id);
        if (line.empty()) co_return std::nullopt;
        co_return line;
    }
    const Failure& failure = std::get<Failure>(result);
    const Meaning meaning = meaning_of(failure.code);
    log_warning({vm_, ": ", explain(request, failure)}, {{"VM", vm_}});
    if (meaning == Meaning::refused) {
        co_return error_line("GenericError", "libvirt: " + words_of(failure), request.id);
    }
    if (meaning == Meaning::held && !stopped_) hold("libvirt is at work on it");
    if (meaning == Meaning::unknown && link_ == link) co_await drop_link();
    co_return std::nullopt;
}

std::string Domain::explain(const Request& request, const Failure& failure) const {
    const bool known = meaning_of(failure.code) != Meaning::unknown;
    return request.name +
           (known ? " was not carried out: " : " may have been carried out or not: ") +
           words_of(failure);
}

awaitable<void> Domain::look_for_job() {
    const LinkPointer link = link_;
    if (!link) co_return;
    auto call = [link] { return link->job(); };
    const std::variant<std::string, Failure> job = co_await asker_.run(std::move(call));
    if (stopped_ || libvirtd_away_ || link_ != link) co_return;
    if (const std::string* word = std::get_if<std::string>(&job)) {
        if (word->empty()) {
            release();
        } else {
            hold("libvirt is " + *word + " this domain");
        }
        co_return;
    }
    const Failure& failure = std::get<Failure>(job);
    // Only the source of a migration tells of it.
    if (failure.code == VIR_ERR_OPERATION_INVALID) co_return hold("libvirt is receiving it");
    if (meaning_of(failure.code) == Meaning::held) co_return hold("libvirt is at work on it");
    if (meaning_of(failure.code) == Meaning::refused) co_return release();
    hold("libvirt does not answer: " + words_of(failure));
    co_await drop_link();
}

}  // namespace ivshmemd::libvirt
