#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace ivshmemd {

enum class Severity {
    blocks,  // migration would fail
    warns,   // it would work, with a consequence to know about
};

enum class ReasonSource {
    ivshmemd,  // our own rules
    qemu,      // QEMU's words
};

/// Something that stands against migrating a VM.
struct Reason {
    Severity severity = Severity::blocks;
    ReasonSource source = ReasonSource::ivshmemd;
    std::optional<std::string> device;  // none: the VM as a whole
    std::string text;                   // for people

    bool operator==(const Reason&) const = default;
};

/// The API's words: "blocks" or "warns", "ivshmemd" or "qemu".
constexpr std::string_view severity_name(Severity severity) {
    return severity == Severity::blocks ? "blocks" : "warns";
}
constexpr std::string_view source_name(ReasonSource source) {
    return source == ReasonSource::qemu ? "qemu" : "ivshmemd";
}

}  // namespace ivshmemd
