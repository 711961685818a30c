#include "lib/resolve.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "tests/lib/resolve_cases.h"

// The rules are few and their combinations are not, so all of them are walked through and compared
// with an oracle that states the rules one by one.

namespace ivshmemd {
namespace {

using test::detail;
using test::expect_explained;
using testing::Contains;
using testing::HasSubstr;

const std::vector<Model> all_models = {Model::legacy, Model::plain, Model::doorbell};
constexpr Version oldest_changed{3, 1, 0};

struct Case {
    Capabilities qemu;
    DeviceRequest request;
};

bool has(const Case& each, Model model) {
    return each.qemu.models.contains(model);
}

bool with_server(const Case& each) {
    return each.request.server.has_value();
}

bool msi_on(const Case& each) {
    return each.request.msi.value_or(true);
}

/// What must come out. A request can break two rules at once; it may then be refused for either.
struct Expected {
    std::optional<Model> model;  // of a request that is not refused
    bool config_unsupported = false;
    bool not_supported = false;  // ... and then `model` is the one that is missing
};

/// The model the request leads to, whether QEMU has it or not; none when no rule gives one.
std::optional<Model> wanted_model(const Case& each) {
    if (each.request.model) return each.request.model;
    if (has(each, Model::legacy)) return Model::legacy;
    if (!with_server(each)) return Model::plain;
    if (msi_on(each)) return Model::doorbell;
    return std::nullopt;
}

bool breaks_a_configuration_rule(const Case& each) {
    const DeviceRequest& request = each.request;
    const bool interrupt_options = request.vectors || request.msi || request.ioeventfd;
    if (interrupt_options && !with_server(each)) return true;
    if (request.model == Model::plain && with_server(each)) return true;
    if (request.model == Model::doorbell && !with_server(each)) return true;
    if (request.model == Model::doorbell && !msi_on(each)) return true;
    if (request.ioeventfd.value_or(false) && !msi_on(each)) return true;
    if (request.region && with_server(each)) return true;
    if (!wanted_model(each)) return true;
    if (each.qemu.only_migratable && request.role.value_or(Role::peer) == Role::peer) return true;
    return each.qemu.version < oldest_changed;
}

Expected oracle(const Case& each) {
    Expected expected;
    expected.model = wanted_model(each);
    expected.config_unsupported = breaks_a_configuration_rule(each);
    expected.not_supported = expected.model && !has(each, *expected.model);
    return expected;
}

std::string describe(const Case& each) {
    std::string text = "QEMU " + to_string(each.qemu.version) + " with {";
    for (const Model model : each.qemu.models) text.append(" ").append(api_name(model));
    text += each.qemu.only_migratable ? " }, only migratable; wants " : " }; wants ";
    text += each.request.model ? api_name(*each.request.model) : "any";
    text += with_server(each) ? ", a server" : ", no server";
    if (each.request.msi) text += *each.request.msi ? ", msi on" : ", msi off";
    if (each.request.role) text.append(", ").append(role_name(*each.request.role));
    return text;
}

std::vector<Capabilities> all_qemus() {
    std::vector<Capabilities> all;
    for (unsigned set = 0; set < 8; ++set) {
        Capabilities qemu;
        for (unsigned i = 0; i < 3; ++i) {
            if (set & (1U << i)) qemu.models.insert(all_models[i]);
        }
        for (const Version& version : {Version{2, 12, 1}, oldest_changed, Version{11, 1, 3}}) {
            for (const bool only_migratable : {false, true}) {
                qemu.version = version;
                qemu.only_migratable = only_migratable;
                all.push_back(qemu);
            }
        }
    }
    return all;
}

std::vector<DeviceRequest> all_requests() {
    std::vector<DeviceRequest> all;
    const std::optional<Model> none;
    for (const auto model : {none, std::optional(Model::legacy), std::optional(Model::plain),
                             std::optional(Model::doorbell)}) {
        for (const bool server : {false, true}) {
            for (const auto msi :
                 {std::optional<bool>(), std::optional(true), std::optional(false)}) {
                for (const auto role : {std::optional<Role>(), std::optional(Role::peer),
                                        std::optional(Role::master)}) {
                    DeviceRequest request;
                    request.name = "bus0";
                    request.model = model;
                    if (server) request.server = "/run/server.sock";
                    request.msi = msi;
                    request.role = role;
                    all.push_back(request);
                    request.ioeventfd = true;
                    all.push_back(request);
                    request.ioeventfd.reset();
                    request.region = "bus0";
                    all.push_back(request);
                }
            }
        }
    }
    return all;
}

std::vector<std::string> api_names(const std::set<Model>& models) {
    std::vector<std::string> names;
    for (const Model model : models) names.emplace_back(api_name(model));
    return names;
}

/// Models may be spelled with either sign for people.
std::string with_underscores(std::string text) {
    std::replace(text.begin(), text.end(), '-', '_');
    return text;
}

void expect_names_the_models(const Error& error, Model missing, const Capabilities& qemu) {
    const auto* model = detail<std::string>(error, "model");
    const auto* supported = detail<std::vector<std::string>>(error, "supported");
    ASSERT_TRUE(model && supported);
    EXPECT_EQ(*model, api_name(missing));
    EXPECT_THAT(*supported, testing::UnorderedElementsAreArray(api_names(qemu.models)));
    const std::string message = with_underscores(error.message);
    // Of none at all it is said that there is none.
    EXPECT_THAT(message, HasSubstr(qemu.models.empty() ? "no ivshmem device" : api_name(missing)));
    for (const std::string& name : api_names(qemu.models)) EXPECT_THAT(message, HasSubstr(name));
}

void expect_resolved_by_the_rules(const Case& each) {
    const Expected expected = oracle(each);
    const Result<Model> model = resolve_model(each.request, each.qemu);
    if (!expected.config_unsupported && !expected.not_supported) {
        ASSERT_TRUE(model) << model.error().message;
        EXPECT_EQ(*model, expected.model);
        return;
    }
    ASSERT_FALSE(model) << "became " << api_name(*model);
    if (model.error().kind == ErrorKind::model_not_supported) {
        EXPECT_TRUE(expected.not_supported);
        ASSERT_TRUE(expected.model);
        expect_names_the_models(model.error(), *expected.model, each.qemu);
    } else {
        EXPECT_EQ(model.error().kind, ErrorKind::config_unsupported);
        EXPECT_TRUE(expected.config_unsupported);
        expect_explained(model.error());
    }
}

TEST(Resolve, FollowsTheRulesForEveryCombination) {
    std::size_t count = 0;
    for (const Capabilities& qemu : all_qemus()) {
        for (const DeviceRequest& request : all_requests()) {
            const Case each{qemu, request};
            SCOPED_TRACE(describe(each));
            expect_resolved_by_the_rules(each);
            ++count;
        }
    }
    EXPECT_EQ(count, 8U * 3 * 2 * (4 * 2 * 3 * 3 * 3));
}

TEST(Resolve, NeverGivesAModelTheQemuLacks) {
    for (const Capabilities& qemu : all_qemus()) {
        for (const DeviceRequest& request : all_requests()) {
            const Result<Model> model = resolve_model(request, qemu);
            if (!model) continue;
            EXPECT_THAT(qemu.models, Contains(*model)) << describe({qemu, request});
        }
    }
}

TEST(Resolve, NeverReplacesANamedModel) {
    for (const Capabilities& qemu : all_qemus()) {
        for (const DeviceRequest& request : all_requests()) {
            const Result<Model> model = resolve_model(request, qemu);
            if (!model || !request.model) continue;
            EXPECT_EQ(*model, *request.model) << describe({qemu, request});
        }
    }
}

TEST(DefaultModel, IsWhatARequestWithoutAModelGets) {
    for (const Capabilities& qemu : all_qemus()) {
        if (qemu.version < oldest_changed || qemu.only_migratable) continue;
        for (const bool server : {false, true}) {
            DeviceRequest request;
            request.name = "bus0";
            if (server) request.server = "/run/server.sock";
            const Result<Model> resolved = resolve_model(request, qemu);
            const std::optional<Model> expected =
                resolved ? std::optional(*resolved) : std::nullopt;
            EXPECT_EQ(default_model(qemu, server), expected) << describe({qemu, request});
        }
    }
}

}  // namespace
}  // namespace ivshmemd
