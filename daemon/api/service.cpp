#include "daemon/api/service.h"

#include <nlohmann/json.hpp>

#include "daemon/api/methods.h"
#include "daemon/base/log.h"
#include "lib/names.h"
#include "proto/api/errors.h"
#include "proto/api/interface_text.h"
#include "proto/varlink/idl_parser.h"
#include "proto/varlink/type_check.h"

namespace ivshmemd {
namespace {

// A client whose user has more of them under way is refused one more.
constexpr std::size_t calls_of_a_user = 1024;

void send(Outbox& outbox, const varlink::Call& call, const std::string& message) {
    if (!call.oneway) outbox.answer(message);
}

Error too_long(std::size_t size, std::size_t limit) {
    return Error(ErrorKind::internal, "the answer has " + std::to_string(size) +
                                          " bytes, more than a client takes (" +
                                          std::to_string(limit) + "); ask for one VM at a time");
}

Error too_many_calls(const std::string& vm) {
    Error error(ErrorKind::operation_in_progress,
                std::to_string(calls_of_a_user) +
                    " calls of this user are under way already; try again when some have ended");
    error.vm = vm;
    return error;
}

void send_error(Outbox& outbox, const varlink::Call& call, const varlink::ErrorReply& error) {
    send(outbox, call, varlink::encode_error(error));
}

std::string misfit(const std::string& parameter) {
    return "parameter '" + printable(parameter, 80) +
           "' is unknown, missing, empty or not of its declared type";
}

std::string vm_of(const json& parameters) {
    const std::string* vm = as_string(find(parameters, "vm"));
    return vm ? *vm : std::string();
}

// What a call is about: " of VM 'web'".
std::string about(const varlink::Call& call, const std::string& vm) {
    if (!vm.empty()) return " of VM '" + vm + "'";
    const std::string* region = as_string(find(*call.parameters, "region"));
    return region ? " of region '" + printable(*region, 80) + "'" : "";
}

void log_refusal(const varlink::Call& call, const Error& error) {
    const std::string vm = printable(error.vm);
    const std::string* name = as_string(find(*call.parameters, "name"));
    log_info({call.method, about(call, vm), ": ", kind_name(error.kind), ": ", error.message},
             {{"VM", vm},
              {"DEVICE", name ? printable(*name) : ""},
              {"QMP_COMMAND", text_detail(error, "command")}});
}

// Counts a call for as long as it lives.
class UnderWay {
  public:
    UnderWay(std::size_t* count, Signal& ended) : count_(count), ended_(ended) {
        if (count_) ++*count_;
    }
    UnderWay(const UnderWay&) = delete;
    UnderWay& operator=(const UnderWay&) = delete;
    ~UnderWay() {
        if (!count_) return;
        --*count_;
        ended_.notify_all();
    }

  private:
    std::size_t* count_;
    Signal& ended_;
};

}  // namespace

void CallContext::reply_early(const json& parameters) const {
    if (call.more) outbox->add(varlink::encode_reply(parameters, true));
}

Service::Service(Host& host, Registry& registry, std::size_t reply_limit)
    : host_(host),
      registry_(registry),
      reply_limit_(reply_limit),
      memory_(host.events),
      call_ended_(host.executor) {
    const Result<varlink::Interface> parsed = varlink::parse_interface(api::interface_text());
    if (!parsed) throw std::logic_error("the built-in interface: " + parsed.error().message);
    interface_ = *parsed;
    info_ = {"ivshmemd", "ivshmemd", IVSHMEMD_VERSION, "", {}};
    info_.interfaces.push_back({api::interface_name, api::interface_text()});
}

awaitable<void> Service::answer(varlink::Call call, std::shared_ptr<Outbox> outbox) {
    if (call.interface == varlink::service_interface) {
        const auto reply = varlink::answer(info_, call);
        if (reply) {
            send(*outbox, call, varlink::encode_reply(**reply));
        } else {
            send_error(*outbox, call, reply.error());
        }
    } else if (call.interface == api::interface_name) {
        co_await answer_method(std::move(call), std::move(outbox));
    } else {
        send_error(*outbox, call, varlink::interface_not_found(call.interface));
    }
}

// A client gets an answer whatever happens to its call.
awaitable<Result<Document>> Service::run_method(const ApiMethod* method,
                                                std::shared_ptr<CallContext> context) {
    try {
        Result<Document> reply = co_await method->handler(context);
        co_return reply;
    } catch (const std::exception& error) {
        log_error({context->call.method, ": unexpected: ", error.what()});
    } catch (...) {
        log_error({context->call.method, ": unexpected"});
    }
    co_return Error(ErrorKind::internal,
                    "an internal fault of ivshmemd, which its log tells more of; look with "
                    "'ivshmemctl list' at what has been done");
}

void Service::send_reply(Outbox& outbox, const varlink::Call& call, const json& parameters) const {
    const std::string message = varlink::encode_reply(parameters);
    if (message.size() <= reply_limit_) {
        send(outbox, call, message);
    } else {
        send_error(outbox, call, api::spell_error(too_long(message.size(), reply_limit_)));
    }
}

awaitable<bool> Service::answered(SteadyClock::time_point until) {
    while (under_way_ > 0 && SteadyClock::now() < until) co_await call_ended_.wait_until(until);
    co_return under_way_ == 0;
}

awaitable<void> Service::answer_method(varlink::Call call, std::shared_ptr<Outbox> outbox) {
    const varlink::Method* declared = varlink::find_method(interface_, call.method);
    if (!declared) {
        send_error(*outbox, call, varlink::method_not_found(call.method));
        co_return;
    }
    const ApiMethod* method = find_api_method(call.method);
    if (!method) {
        send_error(*outbox, call, varlink::method_not_implemented(call.method));
        co_return;
    }
    const auto offence =
        varlink::check(interface_, declared->in, *call.parameters, varlink::EmptyStrings::refused);
    if (offence) {
        send_error(*outbox, call, varlink::invalid_parameter(*offence, misfit(*offence)));
        co_return;
    }
    if (method->needs == Access::all && outbox->access() != Access::all) {
        send_error(*outbox, call,
                   varlink::permission_denied(call.method +
                                              " changes VMs, and this socket is for reading only"));
        co_return;
    }
    if (method->needs_more && !call.more) {
        send_error(*outbox, call, varlink::expected_more());
        co_return;
    }
    const auto context = std::make_shared<CallContext>(
        CallContext{host_, registry_, std::move(call), outbox, memory_});
    const std::optional<Charge> charge =
        Charge::take(outbox->account(), &Account::calls, 1, calls_of_a_user);
    if (!charge) {
        const Error error = too_many_calls(vm_of(context->parameters()));
        send_error(*outbox, context->call, api::spell_error(error));
        co_return;
    }
    const UnderWay mark(method->needs_more ? nullptr : &under_way_, call_ended_);
    Result<Document> reply = co_await run_method(method, context);
    if (!reply) {
        Error error = reply.error();
        if (error.vm.empty()) error.vm = vm_of(context->parameters());
        log_refusal(context->call, error);
        send_error(*outbox, context->call, api::spell_error(error));
    } else if (*reply) {
        send_reply(*outbox, context->call, **reply);
    }
}

}  // namespace ivshmemd
