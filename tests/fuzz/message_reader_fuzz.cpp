#include <map>

#include "proto/doorbell/message_reader.h"
#include "tests/fuzz/input.h"

using ivshmemd::doorbell::MessageReader;
using ivshmemd::doorbell::Notice;
using ivshmemd::test::FuzzInput;
using ivshmemd::test::require;

/// Its notices are those of a world that can be: vectors are counted from 0 without a gap, the
/// client itself never leaves, and after a fault nothing comes.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    constexpr std::uint16_t own_id = 3;
    FuzzInput input(data, size);
    MessageReader reader(own_id);
    std::map<std::uint16_t, std::uint32_t> vectors;
    while (!input.empty()) {
        const std::size_t wanted = reader.wanted();
        if (wanted == 0) break;
        require(wanted <= 8);
        const FuzzInput::Piece piece = input.next(wanted);
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
    if (reader.problem().empty()) return 0;
    require(reader.wanted() == 0 && !reader.feed("x", 1));
    return 0;
}
