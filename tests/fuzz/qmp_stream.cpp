#include "proto/qmp/events.h"
#include "proto/qmp/framer.h"
#include "proto/qmp/message.h"
#include "proto/qmp/mux.h"
#include "tests/fuzz/input.h"

namespace ivshmemd::test {
namespace {

constexpr std::size_t limit = 2048;

std::vector<std::string> frames_of(std::string_view input, std::size_t piece,
                                   qmp::Framer::Fault& fault) {
    qmp::Framer framer(limit);
    std::vector<std::string> frames;
    while (!input.empty()) {
        framer.feed(input.substr(0, piece));
        input.remove_prefix(std::min(piece, input.size()));
        while (auto frame = framer.next()) frames.push_back(std::move(*frame));
    }
    fault = framer.fault();
    return frames;
}

}  // namespace

/// However the bytes are cut, the same frames come out; each answers at most one call.
FUZZ_TARGET(qmp_stream) {
    qmp::Framer::Fault whole_fault{};
    qmp::Framer::Fault piece_fault{};
    const auto frames = frames_of(input, input.size() + 1, whole_fault);
    require(frames == frames_of(input, 1 + input.size() % 7, piece_fault));
    require(whole_fault == piece_fault);
    qmp::Mux mux(8);
    for (int i = 0; i < 4; ++i) require(mux.add().has_value());
    require(mux.abandon(2));
    std::size_t answered = 0;
    for (const std::string& frame : frames) {
        require(frame.size() <= limit && frame.front() == '{' && frame.back() == '}');
        const qmp::Message message = qmp::parse_message(frame);
        if (const auto* reply = std::get_if<qmp::Reply>(&message)) {
            require(reply->value != nullptr);
            answered += mux.on_message(*reply) == qmp::Mux::Outcome::matched ? 1 : 0;
        } else if (const auto* error = std::get_if<qmp::ErrorReply>(&message)) {
            answered += mux.on_message(*error) == qmp::Mux::Outcome::matched ? 1 : 0;
        } else if (const auto* event = std::get_if<qmp::Event>(&message)) {
            qmp::read_event(*event);
        }
    }
    require(answered <= 3 && mux.waiting_count() == 3 - answered);
    require(mux.close(Error()).size() == 3 - answered);
}

}  // namespace ivshmemd::test
