#pragma once

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "lib/result.h"
#include "proto/varlink/idl_lexer.h"

namespace ivshmemd::varlink {

/// The words of an interface, taken one after the other. The first failure is kept and moves to the
/// end of the text, where every loop ends by itself.
class TokenStream {
  public:
    explicit TokenStream(std::vector<Token> tokens) : tokens_(std::move(tokens)) {}

    const std::optional<Error>& fault() const { return fault_; }

    std::string take_name(bool (*is_valid)(std::string_view), std::string_view what) {
        const Token token = take();
        if (token.kind != TokenKind::word || !is_valid(token.text)) {
            fail_at(token.line, "expected " + std::string(what));
        }
        return std::string(token.text);
    }

    bool accept_word(std::string_view word) {
        if (next().kind != TokenKind::word || next().text != word) return false;
        ++position_;
        return true;
    }

    bool accept(TokenKind kind) {
        if (next().kind != kind) return false;
        ++position_;
        return true;
    }

    void expect(TokenKind kind, std::string_view what) {
        if (!accept(kind)) fail("expected " + std::string(what));
    }

    Token take() {
        const Token token = next();
        if (token.kind != TokenKind::end) ++position_;
        return token;
    }

    const Token& next() const { return tokens_[position_]; }
    const Token& peek(std::size_t ahead) const {
        return tokens_[std::min(position_ + ahead, tokens_.size() - 1)];
    }

    void fail(std::string_view what) { fail_at(next().line, what); }

    void fail_at(int line, std::string_view what) {
        if (!fault_) fault_ = idl_error(line, what);
        position_ = tokens_.size() - 1;
    }

  private:
    std::vector<Token> tokens_;  // the last one is the end
    std::size_t position_ = 0;
    std::optional<Error> fault_;
};

}  // namespace ivshmemd::varlink
