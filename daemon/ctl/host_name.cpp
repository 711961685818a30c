#include "daemon/ctl/host_name.h"

#include <arpa/inet.h>

#include <algorithm>

namespace ivshmemd::ctl {
namespace {

constexpr std::size_t longest_host = 253;
constexpr std::size_t longest_user = 64;

bool is_letter_or_digit(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool is_plain_word(std::string_view word, std::size_t longest) {
    const bool sized = !word.empty() && word.size() <= longest;
    return sized && word.front() != '-' && word.front() != '.' &&
           std::all_of(word.begin(), word.end(), [](char c) {
               return is_letter_or_digit(c) || c == '.' || c == '_' || c == '-';
           });
}

bool is_ipv6(std::string_view address) {
    in6_addr ignored{};
    return inet_pton(AF_INET6, std::string(address).c_str(), &ignored) == 1;
}

Error bad_host(std::string_view text, const std::string& why) {
    return Error(ErrorKind::invalid_parameter,
                 "'" + std::string(text) + "' is no [USER@]HOST: " + why);
}

}  // namespace

Result<std::string> parse_host(std::string_view text) {
    const std::size_t at = text.find('@');
    const bool has_user = at != std::string_view::npos;
    const std::string_view user = has_user ? text.substr(0, at) : std::string_view();
    std::string_view host = has_user ? text.substr(at + 1) : text;
    if (has_user && !is_plain_word(user, longest_user)) {
        return bad_host(text,
                        "a user has letters, digits, '.', '_' and '-', and begins with "
                        "neither '-' nor '.'");
    }
    const bool in_brackets = host.size() > 2 && host.front() == '[' && host.back() == ']';
    if (in_brackets) host = host.substr(1, host.size() - 2);
    // A NUL would end what is looked at before what is used.
    const bool whole = host.find('\0') == std::string_view::npos;
    if (whole && is_ipv6(host))
        return (has_user ? std::string(user) + "@" : "") + std::string(host);
    if (host.find(':') != std::string_view::npos) {
        return bad_host(text,
                        "what has a ':' is no IPv6 address; a port is a matter of ssh_config");
    }
    if (in_brackets || !is_plain_word(host, longest_host)) {
        return bad_host(text,
                        "a host has letters, digits, '.', '_' and '-', and begins with "
                        "neither '-' nor '.'");
    }
    return (has_user ? std::string(user) + "@" : "") + std::string(host);
}

}  // namespace ivshmemd::ctl
