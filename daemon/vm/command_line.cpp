#include "daemon/vm/command_line.h"

namespace ivshmemd {

std::string long_option(const std::string& argument) {
    return argument.starts_with("--") ? argument.substr(1) : argument;
}

std::vector<std::string> split_options(const std::string& text) {
    std::vector<std::string> parts(1);
    for (std::size_t i = 0; i < text.size(); ++i) {
        const bool comma = text[i] == ',';
        const bool doubled = comma && i + 1 < text.size() && text[i + 1] == ',';
        if (comma && !doubled) {
            parts.emplace_back();
            continue;
        }
        parts.back() += text[i];
        if (doubled) ++i;
    }
    return parts;
}

}  // namespace ivshmemd
