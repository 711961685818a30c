#pragma once

// Before some of its errors the parser (3.3) asserts that they cannot be, and where assertions are
// compiled out it has the compiler count on that. Without either, the error is what comes.
#pragma push_macro("NDEBUG")
#undef NDEBUG
#define TOML_ASSERT(condition) static_cast<void>(0)
#include <toml++/toml.h>
#pragma pop_macro("NDEBUG")

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "lib/result.h"

// Reading TOML strictly: each table says which keys it has, and anything else is an error that
// names the key and its line.
namespace ivshmemd {

/// InvalidParameter for this key; `where` is its place in the text.
Error config_error(const std::string& key, const std::string& why,
                   const toml::source_region& where);

/// Reads one value; an empty text means it was fine, else what was expected.
using ValueReader = std::function<std::string(const toml::node&)>;
/// Reads a table; its error is complete.
using TableReader = std::function<Result<void>(const toml::node&)>;
using Reader = std::variant<ValueReader, TableReader>;
using Readers = std::map<std::string, Reader, std::less<>>;

/// `prefix` stands before the keys in messages. Keys are read in alphabetical order.
Result<void> read_table(const toml::table& table, const std::string& prefix,
                        const Readers& readers);

/// A table with these keys; `prefix` ends with a dot.
TableReader table_with(std::string prefix, Readers readers);

/// A list of tables, each read by itself; `key` is the list's.
TableReader tables_with(std::string key, std::function<Result<void>(const toml::table&)> read);

ValueReader text_into(std::string& target);
ValueReader path_into(std::function<void(std::string)> store);
/// One path, or a list of them.
ValueReader paths_into(std::vector<std::string>& target);

}  // namespace ivshmemd
