#include "proto/api/errors.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <nlohmann/json.hpp>

#include "lib/placement.h"
#include "lib/resolve.h"
#include "lib/transaction.h"
#include "proto/api/migration_values.h"
#include "proto/api/values.h"
#include "proto/varlink/type_check.h"
#include "tests/proto/api/published.h"

namespace ivshmemd::api {
namespace {

bool is_standard(ErrorKind kind) {
    return kind == ErrorKind::invalid_parameter || kind == ErrorKind::permission_denied;
}

/// The details that the interface demands of some kinds.
const std::map<ErrorKind, std::vector<ErrorDetail>>& demanded_details() {
    using Words = std::vector<std::string>;
    using Reasons = std::vector<Reason>;
    static const std::map<ErrorKind, std::vector<ErrorDetail>> details = {
        {ErrorKind::migration_blocked,
         {{"reasons", Reasons{Reason{Severity::warns, ReasonSource::qemu, "bus0", "x"}}}}},
        {ErrorKind::invalid_parameter, {{"parameter", "slot"}}},
        {ErrorKind::vm_unavailable, {{"state", "unreachable"}}},
        {ErrorKind::master_exists, {{"holder", "vm2/bus0"}}},
        {ErrorKind::timed_out, {{"outcome", "unknown"}}},
        {ErrorKind::server_unusable, {{"reason", "silent"}}},
        {ErrorKind::qemu_error,
         {{"command", "device_add"},
          {"class", "GenericError"},
          {"description", "Bus 'nobus' not found"},
          {"leftovers", Words{"/objects/ivshmemd.bus0.mem"}}}},
        {ErrorKind::transaction_failed,
         {{"undone", true},
          {"leftovers", Words{}},
          {"faults", std::vector<Error>{Error(ErrorKind::bad_size, "odd")}}}},
        {ErrorKind::model_not_supported,
         {{"model", "ivshmem"}, {"supported", Words{"ivshmem_plain", "ivshmem_doorbell"}}}},
        {ErrorKind::config_unsupported, {{"reason", "msi off and ivshmem-doorbell"}}},
    };
    return details;
}

Error error_of(ErrorKind kind) {
    const auto details = demanded_details().find(kind);
    if (details == demanded_details().end()) return Error(kind, "what happened");
    return Error(kind, "what happened", details->second);
}

std::vector<ErrorKind> all_kinds() {
    std::vector<ErrorKind> kinds;
    for (int i = 0; i <= static_cast<int>(ErrorKind::config_unsupported); ++i) {
        kinds.push_back(static_cast<ErrorKind>(i));
    }
    return kinds;
}

void expect_declared(const varlink::ErrorReply& reply) {
    const std::string prefix = std::string(interface_name) + ".";
    ASSERT_TRUE(reply.name.starts_with(prefix)) << reply.name;
    const auto* declaration = varlink::find_error(published(), reply.name.substr(prefix.size()));
    ASSERT_TRUE(declaration) << reply.name;
    ASSERT_TRUE(reply.parameters);
    EXPECT_EQ(varlink::check(published(), declaration->parameters, *reply.parameters), std::nullopt)
        << reply.name << " " << reply.parameters->dump();
}

TEST(ApiErrors, AreWhatTheInterfaceDeclares) {
    for (const ErrorKind kind : all_kinds()) {
        if (is_standard(kind)) continue;
        Error error = error_of(kind);
        const varlink::ErrorReply reply = spell_error(error);
        EXPECT_EQ(reply.name, "io.ivshmemd.Hotplug." + std::string(kind_name(kind)));
        expect_declared(reply);
        EXPECT_EQ(reply.parameters->at("message"), "what happened");
        EXPECT_FALSE(reply.parameters->contains("vm"));
        error.vm = "vm1";
        const varlink::ErrorReply with_vm = spell_error(error);
        expect_declared(with_vm);
        EXPECT_EQ(with_vm.parameters->at("vm"), "vm1");
    }
}

TEST(ApiErrors, CarryTheirDetails) {
    for (const auto& [kind, details] : demanded_details()) {
        if (is_standard(kind)) continue;
        const json parameters = *spell_error(error_of(kind)).parameters;
        for (const auto& [name, value] : details) {
            ASSERT_TRUE(parameters.contains(name)) << name;
            if (const auto* reasons = std::get_if<std::vector<Reason>>(&value)) {
                EXPECT_EQ(parameters.at(name), spell_reasons(*reasons));
            } else if (const auto* words = std::get_if<std::vector<std::string>>(&value)) {
                EXPECT_EQ(parameters.at(name), json(*words)) << name;
            } else if (const auto* word = std::get_if<std::string>(&value)) {
                EXPECT_EQ(parameters.at(name), json(*word)) << name;
            }
        }
    }
}

TEST(ApiErrors, SpellAFailedTransactionAsTheFirstThatFailed) {
    Error first(ErrorKind::master_exists, "two",
                {{"holder", std::string("db/x")},
                 {"device", std::string("x")},
                 {"key", std::string("/device/0")}});
    first.vm = "web";
    const Error second(ErrorKind::no_such_vm, "none");
    Error error = transaction_error({first, second}, {"web/x"});
    const varlink::ErrorReply reply = spell_error(error);
    expect_declared(reply);
    json parameters(*reply.parameters);
    parameters.erase("message");
    EXPECT_EQ(parameters, json::parse(R"({"vm":"web","device":"x","error":"MasterExists",
        "parameters":{"holder":"db/x"},"undone":false,"leftovers":["web/x"],"faults":[
        {"error":"MasterExists","message":"two","vm":"web","device":"x","key":"/device/0",
         "parameters":{"holder":"db/x"}},
        {"error":"NoSuchVm","message":"none"}]})"));
    const varlink::ErrorReply late = spell_error(transaction_error({first}, {"web/x"}, {"web/x"}));
    expect_declared(late);
    EXPECT_EQ(json(late.parameters->at("returning")), json({"web/x"}));
    EXPECT_FALSE(late.parameters->contains("leaving"));
    const varlink::ErrorReply left =
        spell_error(transaction_error({first}, {"web/x"}, {}, {"web/x"}));
    expect_declared(left);
    EXPECT_EQ(json(left.parameters->at("leaving")), json({"web/x"}));
}

TEST(ApiErrors, SpellAnInvalidParameterAsVarlinkDoes) {
    const varlink::ErrorReply reply = spell_error(error_of(ErrorKind::invalid_parameter));
    EXPECT_EQ(reply.name, "org.varlink.service.InvalidParameter");
    EXPECT_EQ(*reply.parameters, json({{"parameter", "slot"}, {"message", "what happened"}}));
}

TEST(ApiErrors, NameAParameterEvenWhenNobodyDid) {
    const varlink::ErrorReply reply = spell_error(Error(ErrorKind::invalid_parameter, "odd"));
    EXPECT_EQ(reply.name, "org.varlink.service.InvalidParameter");
    ASSERT_TRUE(reply.parameters->contains("parameter"));
    EXPECT_TRUE(reply.parameters->at("parameter").is_string());
}

TEST(ApiErrors, SpellADeniedPermissionAsVarlinkDoes) {
    const varlink::ErrorReply reply = spell_error(error_of(ErrorKind::permission_denied));
    EXPECT_EQ(reply.name, "org.varlink.service.PermissionDenied");
    EXPECT_EQ(*reply.parameters, json({{"message", "what happened"}}));
}

TEST(ApiErrors, SurviveTextThatIsNotUtf8) {
    Error error(ErrorKind::qemu_error, "QEMU says \xff\xfe",
                demanded_details().at(ErrorKind::qemu_error));
    const varlink::ErrorReply reply = spell_error(error);
    expect_declared(reply);
    EXPECT_FALSE(varlink::encode_error(reply).empty());
}

DeviceRequest request_named_bus0() {
    DeviceRequest request;
    request.name = "bus0";
    return request;
}

TEST(ApiErrors, OfOurOwnDecisionsAreComplete) {
    DeviceRequest legacy = request_named_bus0();
    legacy.model = Model::legacy;
    DeviceRequest vectors = request_named_bus0();
    vectors.vectors = 2;
    Capabilities qemu;
    qemu.models = {Model::plain, Model::doorbell};
    qemu.version = {7, 2, 0};
    expect_declared(spell_error(resolve_model(legacy, qemu).error()));
    expect_declared(spell_error(resolve_model(vectors, qemu).error()));
    qemu.version = {3, 0, 0};
    expect_declared(spell_error(resolve_model(request_named_bus0(), qemu).error()));
    expect_declared(spell_error(place({}, {}, {}).error()));
}

TEST(ApiErrors, OfWrongParametersNameThem) {
    const auto parameter_of = [](const json& parameters) {
        const Result<DeviceRequest> request = read_device_request(parameters);
        EXPECT_FALSE(request) << parameters.dump();
        if (request) return json();
        return spell_error(request.error()).parameters->value("parameter", json());
    };
    EXPECT_EQ(parameter_of({{"name", "a"}, {"slot", 32}}), "slot");
    EXPECT_EQ(parameter_of({{"name", "a"}, {"vectors", 0}}), "vectors");
    EXPECT_EQ(parameter_of({{"name", "a"}, {"model", "e1000"}}), "model");
    EXPECT_EQ(parameter_of({{"name", "a"}, {"role", "auto"}}), "role");
}

}  // namespace
}  // namespace ivshmemd::api
