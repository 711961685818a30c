#include "proto/doorbell/handshake_reader.h"
#include "tests/fuzz/input.h"

using ivshmemd::doorbell::HandshakeReader;
using ivshmemd::test::FuzzInput;
using ivshmemd::test::require;

/// It never wants more than the three messages, ends in one state for good, and never completes
/// without exactly one descriptor.
FUZZ_TARGET(handshake_reader) {
    FuzzInput pieces(input);
    HandshakeReader reader;
    std::size_t bytes = 0;
    std::size_t descriptors = 0;
    while (!pieces.empty() && reader.state() == HandshakeReader::State::reading) {
        const std::size_t wanted = reader.wanted();
        require(wanted >= 1 && wanted <= 8 && bytes + wanted <= 24);
        const FuzzInput::Piece piece = pieces.next(wanted);
        reader.feed(piece.bytes, piece.descriptors);
        bytes += piece.bytes.size();
        descriptors += piece.descriptors;
        require(!reader.position().empty());
    }
    const HandshakeReader::State before = reader.state();
    reader.end();
    reader.feed("\xff", 1);
    if (before == HandshakeReader::State::complete) {
        require(reader.state() == before && bytes == 24 && descriptors == 1);
        require(reader.problem().empty());
    } else {
        require(reader.state() == HandshakeReader::State::failed && !reader.problem().empty());
    }
    require(reader.wanted() == 0);
}
