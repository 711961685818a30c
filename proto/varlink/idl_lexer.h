#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "lib/result.h"

namespace ivshmemd::varlink {

enum class TokenKind {
    word,      // keyword or name: letters, digits, '_', '-' and '.'
    open,      // (
    close,     // )
    comma,     // ,
    colon,     // :
    question,  // ?
    brackets,  // []
    map,       // [string]
    arrow,     // ->
    end,       // of the text
};

struct Token {
    TokenKind kind = TokenKind::end;
    std::string_view text;  // points into the text that was split
    int line = 0;           // from 1
    std::string doc;        // the comments since the token before, one line each
};

/// Splits the text of an interface; the last token is always `end`. The text must outlive the
/// tokens. Error: the line with a character that belongs to no token.
Result<std::vector<Token>> split_tokens(std::string_view text);

/// How a refusal of an interface's text is reported: "line 7: ...".
Error idl_error(int line, std::string_view what);

}  // namespace ivshmemd::varlink
