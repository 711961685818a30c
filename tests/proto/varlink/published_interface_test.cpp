#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>
#include <vector>

#include "lib/diagnosis/diagnosis.h"
#include "lib/error.h"
#include "proto/varlink/idl_parser.h"

// Facts about proto/io.ivshmemd.Hotplug.varlink itself.

namespace ivshmemd::varlink {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

const std::string& published_text() {
    static const std::string text = [] {
        std::ifstream file(IVSHMEMD_SOURCE_DIR "/proto/io.ivshmemd.Hotplug.varlink");
        return std::string(std::istreambuf_iterator<char>(file), {});
    }();
    return text;
}

const Interface& published() {
    static const auto parsed = parse_interface(published_text());
    if (!parsed) throw std::runtime_error(parsed.error().message);
    return *parsed;
}

TEST(PublishedInterface, Parses) {
    const auto parsed = parse_interface(published_text());
    ASSERT_TRUE(parsed) << parsed.error().message;
    EXPECT_EQ(parsed->name, "io.ivshmemd.Hotplug");
}

TEST(PublishedInterface, CanBeBuiltIntoTheProgram) {
    EXPECT_EQ(published_text().find(")varlink\""), std::string::npos);
    EXPECT_EQ(published_text().find('@'), std::string::npos);
}

TEST(PublishedInterface, HasTheseMethods) {
    std::vector<std::string> names;
    for (const Method& method : published().methods) names.push_back(method.name);
    EXPECT_THAT(names,
                ElementsAre("ListVms", "Probe", "Attach", "Detach", "AttachMany", "DetachMany",
                            "Apply", "ListDevices", "CheckMigration", "Migrate", "Replug", "Forget",
                            "Hold", "Release", "QemuArguments", "ListRegions", "RemoveRegion",
                            "Diagnose", "Subscribe"));
}

/// These two kinds are standard errors of org.varlink.service.
bool is_standard(ErrorKind kind) {
    return kind == ErrorKind::invalid_parameter || kind == ErrorKind::permission_denied;
}

TEST(PublishedInterface, DeclaresExactlyOurErrors) {
    std::size_t count = 0;
    for (int i = 0; i <= static_cast<int>(ErrorKind::config_unsupported); ++i) {
        const auto kind = static_cast<ErrorKind>(i);
        if (is_standard(kind)) continue;
        ++count;
        EXPECT_TRUE(find_error(published(), kind_name(kind))) << kind_name(kind);
    }
    EXPECT_EQ(published().errors.size(), count);
}

TEST(PublishedInterface, GivesEveryErrorAMessageAndAVm) {
    for (const ErrorDeclaration& error : published().errors) {
        const Field* message = find_field(error.parameters, "message");
        ASSERT_TRUE(message) << error.name;
        EXPECT_EQ(message->type.kind.index(), 0U) << error.name;
        EXPECT_FALSE(message->type.nullable) << error.name;
        const Field* vm = find_field(error.parameters, "vm");
        ASSERT_TRUE(vm) << error.name;
        EXPECT_TRUE(vm->type.nullable) << error.name;
    }
}

TEST(PublishedInterface, SaysForEveryMethodWhichErrorsItAnswers) {
    for (const Method& method : published().methods) {
        const bool cannot_fail = method.name == "ListVms" || method.name == "ListRegions";
        EXPECT_NE(method.doc.find("Errors: ") != std::string::npos, cannot_fail) << method.name;
    }
}

/// Collects the paths of what lacks a comment.
class Undocumented {
  public:
    void look_at(const std::string& path, const std::string& doc) {
        if (doc.empty()) paths.push_back(path);
    }
    void look_at_fields(const std::string& path, const StructType& type) {
        for (const Field& field : type.fields) look_at(path + "." + field.name, field.doc);
    }

    std::vector<std::string> paths;
};

TEST(PublishedInterface, DocumentsEverything) {
    Undocumented undocumented;
    undocumented.look_at("interface", published().doc);
    for (const TypeDeclaration& type : published().types) {
        undocumented.look_at(type.name, type.doc);
        const auto* fields = std::get_if<StructType>(&type.definition);
        if (fields) undocumented.look_at_fields(type.name, *fields);
    }
    for (const Method& method : published().methods) {
        undocumented.look_at(method.name, method.doc);
        undocumented.look_at_fields(method.name + " in", method.in);
        undocumented.look_at_fields(method.name + " out", method.out);
    }
    for (const ErrorDeclaration& error : published().errors) {
        undocumented.look_at(error.name, error.doc);
        undocumented.look_at_fields(error.name, error.parameters);
    }
    EXPECT_THAT(undocumented.paths, IsEmpty());
}

TEST(PublishedInterface, DeclaresExactlyOurFindings) {
    std::vector<std::string> kinds;  // to the last that has a name
    for (std::string_view name; (name = finding_kind_name(FindingKind(kinds.size()))) != "";) {
        kinds.emplace_back(name);
    }
    const auto& declared = std::get<EnumType>(find_type(published(), "FindingKind")->definition);
    EXPECT_EQ(declared.values, kinds);
}

TEST(PublishedInterface, UsesEveryTypeItDeclares) {
    for (const TypeDeclaration& type : published().types) {
        const std::string& text = published_text();
        const auto is_used = [&](const std::string& before) {
            return text.find(before + type.name + ",") != std::string::npos ||
                   text.find(before + type.name + "\n") != std::string::npos;
        };
        EXPECT_TRUE(is_used(": ") || is_used(": ?") || is_used(": []") || is_used(": ?[]"))
            << type.name;
    }
}

// What the interface is made of, whole and part by part.
void visit(const Type& type, std::vector<const EnumType*>& enumerations);

void visit(const StructType& type, std::vector<const EnumType*>& enumerations) {
    for (const Field& field : type.fields) visit(field.type, enumerations);
}

void visit(const Type& type, std::vector<const EnumType*>& enumerations) {
    if (const auto* fields = std::get_if<StructType>(&type.kind)) visit(*fields, enumerations);
    if (const auto* values = std::get_if<EnumType>(&type.kind)) enumerations.push_back(values);
    if (const auto* list = std::get_if<ArrayType>(&type.kind)) visit(*list->element, enumerations);
    if (const auto* map = std::get_if<MapType>(&type.kind)) visit(*map->element, enumerations);
}

// The client for Python tells an enumeration from a structure by the comma after its first name,
// and reads nothing of an interface that has one without. What else some client cannot read is in
// tests/wire/readable_interface_test.py.
TEST(PublishedInterface, HasNoEnumerationOfASingleValue) {
    std::vector<const EnumType*> enumerations;
    for (const TypeDeclaration& each : published().types) {
        if (const auto* values = std::get_if<EnumType>(&each.definition)) {
            enumerations.push_back(values);
        } else {
            visit(std::get<StructType>(each.definition), enumerations);
        }
    }
    for (const Method& each : published().methods) {
        visit(each.in, enumerations);
        visit(each.out, enumerations);
    }
    for (const ErrorDeclaration& each : published().errors) visit(each.parameters, enumerations);
    EXPECT_GE(enumerations.size(), 10u);
    for (const EnumType* each : enumerations) EXPECT_GE(each->values.size(), 2u) << each->values[0];
}

TEST(PublishedInterface, MakesADeviceEverythingItsSpecSays) {
    const auto& spec = std::get<StructType>(find_type(published(), "DeviceSpec")->definition);
    const auto& device = std::get<StructType>(find_type(published(), "Device")->definition);
    for (const Field& field : spec.fields) {
        EXPECT_TRUE(find_field(device, field.name)) << field.name;
    }
}

}  // namespace
}  // namespace ivshmemd::varlink
