#include "proto/varlink/idl_lexer.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

namespace ivshmemd::varlink {
namespace {

struct Symbol {
    std::string_view text;
    TokenKind kind;
};

constexpr std::array symbols{
    Symbol{"(", TokenKind::open},       Symbol{")", TokenKind::close},
    Symbol{",", TokenKind::comma},      Symbol{":", TokenKind::colon},
    Symbol{"?", TokenKind::question},   Symbol{"[]", TokenKind::brackets},
    Symbol{"[string]", TokenKind::map}, Symbol{"->", TokenKind::arrow},
};

constexpr std::string_view word_bytes =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-";

class Lexer {
  public:
    explicit Lexer(std::string_view text) : rest_(text) {}

    Result<std::vector<Token>> run() {
        std::vector<Token> tokens;
        for (;;) {
            skip_blanks_and_comments();
            std::optional<Token> token = rest_.empty() ? Token{} : take_token();
            if (!token) return idl_error(line_, "unexpected character");
            token->line = line_;
            token->doc = std::exchange(doc_, {});
            tokens.push_back(*std::move(token));
            if (tokens.back().kind == TokenKind::end) return tokens;
        }
    }

  private:
    void skip_blanks_and_comments() {
        while (!rest_.empty()) {
            if (rest_.front() == '#') {
                take_comment();
            } else if (std::string_view(" \t\r\n").find(rest_.front()) != std::string_view::npos) {
                if (rest_.front() == '\n') ++line_;
                rest_.remove_prefix(1);
            } else {
                return;
            }
        }
    }

    void take_comment() {
        std::string_view comment = take(std::min(rest_.find('\n'), rest_.size()));
        comment.remove_prefix(comment.starts_with("# ") ? 2 : 1);
        if (!doc_.empty()) doc_ += '\n';
        doc_ += comment;
    }

    std::optional<Token> take_token() {
        for (const Symbol& symbol : symbols) {
            if (rest_.starts_with(symbol.text)) return token(symbol.kind, symbol.text.size());
        }
        const std::size_t end = std::min(rest_.find_first_not_of(word_bytes), rest_.size());
        if (end == 0) return std::nullopt;
        return token(TokenKind::word, end);
    }

    Token token(TokenKind kind, std::size_t length) {
        Token result;
        result.kind = kind;
        result.text = take(length);
        return result;
    }

    std::string_view take(std::size_t length) {
        const std::string_view taken = rest_.substr(0, length);
        rest_.remove_prefix(length);
        return taken;
    }

    std::string_view rest_;
    int line_ = 1;
    std::string doc_;
};

}  // namespace

Result<std::vector<Token>> split_tokens(std::string_view text) {
    return Lexer(text).run();
}

Error idl_error(int line, std::string_view what) {
    return {ErrorKind::internal, "line " + std::to_string(line) + ": " + std::string(what)};
}

}  // namespace ivshmemd::varlink
