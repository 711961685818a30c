#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace ivshmemd::varlink {

// A Varlink interface as a value: what its text declares, with the comments before each declaration
// kept as its documentation (one line per comment line, without the "#").

struct Field;
struct Type;

enum class Scalar {
    boolean,   // bool
    integer,   // int: 64 bits with a sign
    floating,  // float
    string,    // string
    object,    // object: any JSON object
};

/// A type declared elsewhere in the interface. A parsed interface holds no dangling one.
struct NamedType {
    std::string name;
};

struct StructType {
    std::vector<Field> fields;
};

struct EnumType {
    std::vector<std::string> values;
};

/// []T
struct ArrayType {
    std::shared_ptr<const Type> element;  // never null
};

/// [string]T
struct MapType {
    std::shared_ptr<const Type> element;  // never null
};

struct Type {
    std::variant<Scalar, NamedType, StructType, EnumType, ArrayType, MapType> kind;
    bool nullable = false;  // ?T: the field may be left out or null
};

struct Field {
    std::string name;
    Type type;
    std::string doc;
};

struct TypeDeclaration {
    std::string name;
    std::variant<StructType, EnumType> definition;
    std::string doc;
};

struct Method {
    std::string name;
    StructType in;
    StructType out;
    std::string doc;
};

struct ErrorDeclaration {
    std::string name;
    StructType parameters;
    std::string doc;
};

/// One interface; types, methods and errors in the order of its text.
struct Interface {
    std::string name;
    std::string doc;
    std::vector<TypeDeclaration> types;
    std::vector<Method> methods;
    std::vector<ErrorDeclaration> errors;
};

// Each answers null when the interface or struct declares nothing of that name.
const TypeDeclaration* find_type(const Interface& interface, std::string_view name);
const Method* find_method(const Interface& interface, std::string_view name);
const ErrorDeclaration* find_error(const Interface& interface, std::string_view name);
const Field* find_field(const StructType& type, std::string_view name);

}  // namespace ivshmemd::varlink
