#include <map>

#include "proto/doorbell/message_reader.h"
#include "tests/fuzz/input.h"

using ivshmemd::doorbell::MessageReader;
using ivshmemd::doorbell::Notice;
using ivshmemd::test::FuzzInput;
using ivshmemd::test::require;

/// Its notices are those of a world that can be: vectors are counted from 0 without a gap, the
/// client itself never leaves, and after a fault nothing comes.
FUZZ_TARGET(message_reader) {
    constexpr std::uint16_t own_id = 3;
    FuzzInput pieces(input);
    MessageReader reader(own_id);
    std::map<std::uint16_t, std::uint32_t> vectors;
    while (!pieces.empty()) {
        const std::size_t wanted = reader.wanted();
        if (wanted == 0) break;
        require(wanted <= 8);
        const FuzzInput::Piece piece = pieces.next(wanted);
        const auto notice = reader.feed(piece.bytes, piece.descriptors);
        if (!notice) continue;
        require(reader.problem().empty());
        require((notice->id == own_id) == (notice->kind == Notice::Kind::own_vector));
        if (notice->kind == Notice::Kind::peer_gone) {
            vectors.erase(notice->id);
        } else {
            require(notice->vector == vectors[notice->id]++);
        }
    }
    if (reader.problem().empty()) return;
    require(reader.wanted() == 0 && !reader.feed("x", 1));
}
