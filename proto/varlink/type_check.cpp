#include "proto/varlink/type_check.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "proto/json.h"

namespace ivshmemd::varlink {
namespace {

using Offence = std::optional<std::string>;

std::string member_path(const std::string& path, const std::string& name) {
    return path.empty() ? name : path + "." + name;
}

class Checker {
  public:
    Checker(const Interface& interface, EmptyStrings empty_strings)
        : interface_(interface), empty_strings_(empty_strings) {}

    Offence check_struct(const StructType& type, const json& value, const std::string& path) const {
        if (!value.is_object()) return path;
        for (const auto& [name, member] : value.items()) {
            if (!find_field(type, name)) return member_path(path, name);
        }
        for (const Field& field : type.fields) {
            if (auto offence = check_field(field, value, path)) return offence;
        }
        return std::nullopt;
    }

  private:
    Offence check_field(const Field& field, const json& object, const std::string& path) const {
        const json* member = find(object, field.name);
        const bool absent = !member || member->is_null();
        if (absent && field.type.nullable) return std::nullopt;
        if (absent) return member_path(path, field.name);
        return check_value(field.type, *member, member_path(path, field.name));
    }

    Offence check_value(const Type& type, const json& value, const std::string& path) const {
        return std::visit([&](const auto& kind) { return check_kind(kind, value, path); },
                          type.kind);
    }

    Offence check_kind(Scalar scalar, const json& value, const std::string& path) const {
        return is_scalar(scalar, value) ? std::nullopt : Offence(path);
    }

    Offence check_kind(const NamedType& named, const json& value, const std::string& path) const {
        const TypeDeclaration* declaration = find_type(interface_, named.name);
        if (!declaration) return path;
        return std::visit([&](const auto& kind) { return check_kind(kind, value, path); },
                          declaration->definition);
    }

    Offence check_kind(const StructType& type, const json& value, const std::string& path) const {
        return check_struct(type, value, path);
    }

    Offence check_kind(const EnumType& type, const json& value, const std::string& path) const {
        const std::string* word = as_string(&value);
        const bool known = word && std::ranges::find(type.values, *word) != type.values.end();
        return known ? std::nullopt : Offence(path);
    }

    Offence check_kind(const ArrayType& type, const json& value, const std::string& path) const {
        if (!value.is_array()) return path;
        for (std::size_t i = 0; i < value.size(); ++i) {
            const std::string element = path + "[" + std::to_string(i) + "]";
            if (auto offence = check_value(*type.element, value[i], element)) return offence;
        }
        return std::nullopt;
    }

    Offence check_kind(const MapType& type, const json& value, const std::string& path) const {
        if (!value.is_object()) return path;
        for (const auto& [key, member] : value.items()) {
            if (auto offence = check_value(*type.element, member, member_path(path, key))) {
                return offence;
            }
        }
        return std::nullopt;
    }

    bool is_scalar(Scalar scalar, const json& value) const {
        switch (scalar) {
            case Scalar::boolean:
                return value.is_boolean();
            case Scalar::integer:
                return as_int(&value).has_value();
            case Scalar::floating:
                return value.is_number();
            case Scalar::string:
                return is_acceptable_string(value);
            case Scalar::object:
                return value.is_object();
        }
        return false;
    }

    bool is_acceptable_string(const json& value) const {
        const std::string* text = as_string(&value);
        return text && (empty_strings_ == EmptyStrings::allowed || !text->empty());
    }

    const Interface& interface_;
    EmptyStrings empty_strings_;
};

}  // namespace

std::optional<std::string> check(const Interface& interface, const StructType& type,
                                 const json& object, EmptyStrings empty_strings) {
    return Checker(interface, empty_strings).check_struct(type, object, "");
}

}  // namespace ivshmemd::varlink
