#include "proto/varlink/message.h"

#include <algorithm>
#include <initializer_list>
#include <nlohmann/json.hpp>
#include <utility>

#include "proto/varlink/call_fault.h"
#include "proto/varlink/names.h"

namespace ivshmemd::varlink {
namespace {

/// Reads the members of one message. Every reader answers something harmless where a member is
/// wrong; what was wrong first is kept in `fault`.
class Envelope {
  public:
    explicit Envelope(Document message) : message_(std::move(message)) {
        if (!message_->is_object()) refuse("not a JSON object");
    }

    const std::string& fault() const { return fault_; }

    /// Refuses members that are neither in the list nor a vendor's own.
    void allow_only(std::initializer_list<std::string_view> known) {
        if (!message_->is_object()) return;
        for (const auto& [name, value] : message_->items()) {
            if (std::ranges::find(known, name) != known.end() || is_interface_name(name)) continue;
            refuse("an unknown member");
        }
    }

    /// False when it is missing.
    bool flag(std::string_view name) {
        const json* value = find(*message_, name);
        if (value && !value->is_boolean()) refuse("'" + std::string(name) + "' is no boolean");
        return as_bool(value).value_or(false);
    }

    /// Empty when it is missing.
    std::string text(std::string_view name) {
        const json* value = find(*message_, name);
        const std::string* text = as_string(value);
        if (value && !text) refuse("'" + std::string(name) + "' is no string");
        return text ? *text : std::string();
    }

    /// An empty object when they are missing or null.
    Document parameters() {
        const json* value = find(*message_, "parameters");
        if (!value || value->is_null()) return std::make_shared<const json>(json::object());
        if (!value->is_object()) refuse("'parameters' is no object");
        return {message_, value};
    }

    void refuse(std::string what) {
        if (fault_.empty()) fault_ = std::move(what);
    }

  private:
    Document message_;
    std::string fault_;
};

CallFault violation(std::string reason) {
    CallFault fault;
    fault.reason = std::move(reason);
    return fault;
}

boost::system::result<Call, CallFault> read_call(Document message) {
    Envelope envelope(std::move(message));
    envelope.allow_only({"method", "parameters", "oneway", "more", "upgrade"});
    const std::string name = envelope.text("method");
    if (name.empty()) envelope.refuse("no method");
    Call call;
    const std::size_t dot = name.rfind('.');
    call.interface = name.substr(0, dot);
    if (dot != std::string::npos) call.method = name.substr(dot + 1);
    call.parameters = envelope.parameters();
    call.oneway = envelope.flag("oneway");
    call.more = envelope.flag("more");
    call.upgrade = envelope.flag("upgrade");
    if (call.oneway && call.more) envelope.refuse("both 'oneway' and 'more'");
    if (!envelope.fault().empty()) return violation(envelope.fault());
    return call;
}

/// Decides about a call that broke a limit: where only parameters did, the rest is still read, to
/// know that it is a call and whether it wants an answer.
CallFault judge(std::string_view text, std::string reason) {
    const auto faulty = find_faulty_parameter(text, depth_limit);
    if (!faulty) return violation(std::move(reason));
    const auto call = read_call(faulty->envelope);
    if (!call) return call.error();
    CallFault fault;
    fault.kind = CallFault::Kind::invalid_parameter;
    fault.reason = std::move(reason);
    fault.parameter = faulty->parameter;
    fault.oneway = call->oneway;
    return fault;
}

/// JSON text in which U+0000 became U+FFFD: clients drop a connection that sends them one, and the
/// words of a QEMU may hold anything.
std::string without_nul(std::string text) {
    constexpr std::string_view nul = "\\u0000";
    if (text.find(nul) == std::string::npos) return text;
    std::string result;
    for (std::size_t at = 0; at < text.size();) {
        const std::size_t length = text[at] == '\\' ? 2 : 1;  // an escape as a whole
        const bool is_nul = text.compare(at, nul.size(), nul) == 0;
        result += is_nul ? "\xef\xbf\xbd" : text.substr(at, length);
        at += is_nul ? nul.size() : length;
    }
    return result;
}

std::string object_text(const json& parameters) {
    return parameters.is_null() ? "{}" : without_nul(dump_json(parameters));
}

std::string ended(std::string text) {
    text += '\0';
    return text;
}

}  // namespace

boost::system::result<Call, CallFault> parse_call(std::string_view text, std::size_t limit) {
    const ParsedJson parsed = parse_json(text, {limit, depth_limit, true, true});
    switch (parsed.fault) {
        case JsonFault::none:
            return read_call(parsed.value);
        case JsonFault::too_long:
        case JsonFault::malformed:
            return violation(parsed.detail);
        case JsonFault::too_deep:
        case JsonFault::duplicate_key:
        case JsonFault::nul_character:
            return judge(text, parsed.detail);
    }
    return violation(parsed.detail);
}

Result<Reply> parse_reply(std::string_view text) {
    const ParsedJson parsed = parse_json(text, {reply_limit, depth_limit, true, true});
    if (!parsed) return Error(ErrorKind::internal, parsed.detail);
    Envelope envelope(parsed.value);
    envelope.allow_only({"parameters", "continues", "error"});
    Reply reply;
    reply.parameters = envelope.parameters();
    reply.continues = envelope.flag("continues");
    reply.error = envelope.text("error");
    if (find(*parsed.value, "error") && reply.error.empty()) envelope.refuse("an empty error");
    if (reply.continues && !reply.error.empty()) envelope.refuse("an error that continues");
    if (!envelope.fault().empty()) return Error(ErrorKind::internal, envelope.fault());
    return reply;
}

std::string encode_call(std::string_view method, const json& parameters, CallFlags flags) {
    std::string text = R"({"method":)" + dump_json(method);
    text += R"(,"parameters":)" + object_text(parameters);
    if (flags.more) text += R"(,"more":true)";
    if (flags.oneway) text += R"(,"oneway":true)";
    return ended(text + "}");
}

std::string encode_reply(const json& parameters, bool continues) {
    return ended(R"({"parameters":)" + object_text(parameters) +
                 (continues ? R"(,"continues":true})" : "}"));
}

std::string encode_error(std::string_view qualified_name, const json& parameters) {
    return ended(R"({"error":)" + without_nul(dump_json(qualified_name)) + R"(,"parameters":)" +
                 object_text(parameters) + "}");
}

}  // namespace ivshmemd::varlink
