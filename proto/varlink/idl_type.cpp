#include "proto/varlink/idl_type.h"

#include <algorithm>

namespace ivshmemd::varlink {
namespace {

template <class Declaration>
const Declaration* find_by_name(const std::vector<Declaration>& list, std::string_view name) {
    const auto found =
        std::ranges::find_if(list, [name](const Declaration& each) { return each.name == name; });
    return found == list.end() ? nullptr : &*found;
}

}  // namespace

const TypeDeclaration* find_type(const Interface& interface, std::string_view name) {
    return find_by_name(interface.types, name);
}

const Method* find_method(const Interface& interface, std::string_view name) {
    return find_by_name(interface.methods, name);
}

const ErrorDeclaration* find_error(const Interface& interface, std::string_view name) {
    return find_by_name(interface.errors, name);
}

const Field* find_field(const StructType& type, std::string_view name) {
    return find_by_name(type.fields, name);
}

}  // namespace ivshmemd::varlink
