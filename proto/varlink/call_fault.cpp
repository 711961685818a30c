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

    std::optional<std::string> take_faulty_parameter() {
        return elsewhere_ ? std::nullopt : std::move(faulty_);
    }

    bool null() override { return true; }
    bool boolean(bool) override { return true; }
    bool number_integer(number_integer_t) override { return true; }
    bool number_unsigned(number_unsigned_t) override { return true; }
    bool number_float(number_float_t, const string_t&) override { return true; }
    bool binary(binary_t&) override { return true; }

    bool string(string_t& text) override { return !has_nul(text) || blame(); }
    bool start_array(std::size_t) override { return enter(); }
    bool end_array() override { return leave(); }
    bool start_object(std::size_t) override { return enter(); }
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
    bool elsewhere_ = false;
};

}  // namespace

std::optional<std::string> find_faulty_parameter(std::string_view text, int max_depth) {
    Locator locator(max_depth);
    json::sax_parse(text.begin(), text.end(), &locator);
    return locator.take_faulty_parameter();
}

}  // namespace ivshmemd::varlink
