#include "proto/varlink/call_fault.h"

#include <nlohmann/json.hpp>
#include <set>
#include <utility>
#include <vector>

#include "proto/json.h"

namespace ivshmemd::varlink {
namespace {

bool has_nul(const std::string& text) {
    return text.find('\0') != std::string::npos;
}

/// Follows the parse and remembers which member of the call, and which parameter, it is in.
class Locator final : public nlohmann::json_sax<json> {
  public:
    explicit Locator(int max_depth) : max_depth_(max_depth) {}

    std::optional<FaultyCall> take_result() {
        if (elsewhere_ || !faulty_) return std::nullopt;
        return FaultyCall{std::move(*faulty_), std::make_shared<const json>(std::move(envelope_))};
    }

    bool null() override { return keep(nullptr); }
    bool boolean(bool value) override { return keep(value); }
    bool number_integer(number_integer_t value) override { return keep(value); }
    bool number_unsigned(number_unsigned_t value) override { return keep(value); }
    bool number_float(number_float_t value, const string_t&) override { return keep(value); }
    bool binary(binary_t&) override { return true; }

    bool string(string_t& text) override { return keep(text) && (!has_nul(text) || blame()); }
    bool start_array(std::size_t) override { return keep(json::value_t::array) && enter(); }
    bool end_array() override { return leave(); }
    bool start_object(std::size_t) override { return keep(json::value_t::object) && enter(); }
    bool end_object() override { return leave(); }

    bool key(string_t& name) override {
        if (levels_.size() == 1) member_ = name;
        if (levels_.size() == 2 && member_ == "parameters") parameter_ = name;
        if (has_nul(name)) elsewhere_ = true;
        return levels_.back().insert(name).second || blame();
    }

    bool parse_error(std::size_t, const std::string&, const nlohmann::detail::exception&) override {
        elsewhere_ = true;
        return false;
    }

  private:
    /// A member of the call itself goes into the envelope.
    template <class Value>
    bool keep(const Value& value) {
        if (levels_.size() == 1) envelope_[member_] = json(value);
        return true;
    }

    bool enter() {
        levels_.emplace_back();
        return std::cmp_less_equal(levels_.size(), max_depth_) || blame();
    }

    bool leave() {
        levels_.pop_back();
        return true;
    }

    bool blame() {
        if (levels_.size() < 2 || member_ != "parameters" || !parameter_) {
            elsewhere_ = true;
        } else if (!faulty_) {
            faulty_ = parameter_;
        }
        return true;
    }

    int max_depth_;
    std::vector<std::set<std::string>> levels_;  // of each open array or object, its keys so far
    std::string member_;                         // of the call
    std::optional<std::string> parameter_;       // the last one that began
    std::optional<std::string> faulty_;
    json envelope_ = json::object();
    bool elsewhere_ = false;
};

}  // namespace

std::optional<FaultyCall> find_faulty_parameter(std::string_view text, int max_depth) {
    Locator locator(max_depth);
    json::sax_parse(text.begin(), text.end(), &locator);
    return locator.take_result();
}

}  // namespace ivshmemd::varlink
