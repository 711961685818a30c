#include "proto/varlink/service.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string_view>
#include <vector>

#include "proto/varlink/idl_parser.h"
#include "proto/varlink/type_check.h"

namespace ivshmemd::varlink {
namespace {

ServiceInfo example() {
    return {"Example", "example", "1.2.3", "https://example.org", {{"a.b", "interface a.b\n"}}};
}

Interface own_interface() {
    return *parse_interface(service_interface_text());
}

boost::system::result<Document, ErrorReply> answer_text(std::string_view call) {
    return answer(example(), *parse_call(call));
}

TEST(Service, PublishesAnInterfaceThatParses) {
    const auto parsed = parse_interface(service_interface_text());
    ASSERT_TRUE(parsed) << parsed.error().message;
    EXPECT_EQ(parsed->name, service_interface);
    EXPECT_EQ(parsed->methods.size(), 2U);
}

TEST(Service, TellsAboutItself) {
    const auto info = answer_text(R"({"method":"org.varlink.service.GetInfo"})");
    ASSERT_TRUE(info);
    EXPECT_EQ(**info, json::parse(R"({"vendor":"Example","product":"example","version":"1.2.3",
                                      "url":"https://example.org",
                                      "interfaces":["org.varlink.service","a.b"]})"));
    const Interface own = own_interface();
    EXPECT_FALSE(check(own, find_method(own, "GetInfo")->out, **info));
}

TEST(Service, HandsOutInterfaces) {
    const auto other = answer_text(R"({"method":"org.varlink.service.GetInterfaceDescription",
                                       "parameters":{"interface":"a.b"}})");
    ASSERT_TRUE(other);
    EXPECT_EQ(**other, json::parse(R"({"description":"interface a.b\n"})"));
    const Document own = get_interface_description(example(), "org.varlink.service");
    ASSERT_TRUE(own);
    EXPECT_EQ(*as_string(find(*own, "description")), service_interface_text());
}

struct RefusedCall {
    std::string_view call;
    std::string_view error;
    std::string_view parameters;
};

TEST(Service, RefusesByTheStandardErrors) {
    const std::vector<RefusedCall> table{
        {R"({"method":"org.varlink.service.Reboot"})", method_not_found_name,
         R"({"method":"Reboot"})"},
        {R"({"method":"org.varlink.service."})", method_not_found_name, R"({"method":""})"},
        {R"({"method":"org.varlink.service.GetInterfaceDescription"})", invalid_parameter_name,
         R"({"parameter":"interface"})"},
        {R"({"method":"org.varlink.service.GetInterfaceDescription","parameters":{"interface":7}})",
         invalid_parameter_name, R"({"parameter":"interface"})"},
        {R"({"method":"org.varlink.service.GetInterfaceDescription",
             "parameters":{"interface":""}})",
         invalid_parameter_name, R"({"parameter":"interface"})"},
        {R"({"method":"org.varlink.service.GetInfo","parameters":{"verbose":true}})",
         invalid_parameter_name, R"({"parameter":"verbose"})"},
        {R"({"method":"org.varlink.service.GetInterfaceDescription",
             "parameters":{"interface":"a"}})",
         interface_not_found_name, R"({"interface":"a"})"},
    };
    for (const RefusedCall& row : table) {
        const auto answered = answer_text(row.call);
        ASSERT_FALSE(answered) << row.call;
        EXPECT_EQ(answered.error().name, row.error) << row.call;
        EXPECT_EQ(*answered.error().parameters, json::parse(row.parameters)) << row.call;
    }
}

TEST(Service, BuildsErrorsAsItsInterfaceDeclaresThem) {
    const Interface own = own_interface();
    const std::vector<ErrorReply> errors{interface_not_found("a.b"),  method_not_found("M"),
                                         method_not_implemented("M"), invalid_parameter("vm"),
                                         permission_denied(),         expected_more()};
    EXPECT_EQ(own.errors.size(), errors.size());
    for (const ErrorReply& error : errors) {
        const std::string bare = error.name.substr(service_interface.size() + 1);
        const ErrorDeclaration* declared = find_error(own, bare);
        ASSERT_TRUE(declared) << error.name;
        EXPECT_FALSE(check(own, declared->parameters, *error.parameters)) << error.name;
    }
}

TEST(Service, DeclaresTheMessagesItAdds) {
    const Interface own = own_interface();
    for (const ErrorReply& error :
         {invalid_parameter("uri", "only tcp: and unix:"), permission_denied("not yours")}) {
        const std::string bare = error.name.substr(service_interface.size() + 1);
        EXPECT_EQ(check(own, find_error(own, bare)->parameters, *error.parameters), std::nullopt);
    }
}

TEST(Service, AddsAMessageWhereOneIsGiven) {
    EXPECT_EQ(*invalid_parameter("uri", "only tcp: and unix:").parameters,
              json::parse(R"({"parameter":"uri","message":"only tcp: and unix:"})"));
    EXPECT_EQ(*permission_denied("not yours").parameters,
              json::parse(R"({"message":"not yours"})"));
}

TEST(Service, EncodesAnErrorAsAReply) {
    const std::string bytes = encode_error(expected_more());
    const auto reply = parse_reply(std::string_view(bytes).substr(0, bytes.size() - 1));
    ASSERT_TRUE(reply);
    EXPECT_EQ(reply->error, "org.varlink.service.ExpectedMore");
    EXPECT_EQ(*reply->parameters, json::object());
}

}  // namespace
}  // namespace ivshmemd::varlink
