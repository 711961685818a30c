#include "proto/doorbell/handshake_reader.h"

#include <gtest/gtest.h>

#include <vector>

namespace ivshmemd::doorbell {
namespace {

using State = HandshakeReader::State;

void feed_message(HandshakeReader& reader, const Message& message) {
    const MessageBytes bytes = encode(message.number);
    reader.feed(std::string_view(bytes.data(), bytes.size()), message.descriptors);
}

HandshakeReader read_messages(const std::vector<Message>& messages) {
    HandshakeReader reader;
    for (const Message& message : messages) feed_message(reader, message);
    return reader;
}

std::string stream_of(const std::vector<std::int64_t>& numbers) {
    std::string stream;
    for (const std::int64_t number : numbers) {
        const MessageBytes bytes = encode(number);
        stream.append(bytes.data(), bytes.size());
    }
    return stream;
}

TEST(HandshakeReader, TakesVersionIdAndMemory) {
    for (const std::int64_t id : {std::int64_t{0}, std::int64_t{7}, max_peer_id}) {
        const HandshakeReader reader = read_messages({{0, 0}, {id, 0}, {-1, 1}});
        EXPECT_EQ(reader.state(), State::complete);
        EXPECT_EQ(reader.id(), id);
        EXPECT_EQ(reader.wanted(), 0U) << "what follows is not its to read";
        EXPECT_EQ(reader.problem(), "");
    }
}

// Every way to cut the 24 bytes into two, three or 24 pieces.
TEST(HandshakeReader, TakesTheSameHoweverTheBytesArrive) {
    const std::string stream = stream_of({0, 513, -1});
    for (std::size_t first = 0; first <= stream.size(); ++first) {
        for (std::size_t second = first; second <= stream.size(); ++second) {
            HandshakeReader reader;
            for (std::size_t at = 0; reader.state() == State::reading;) {
                const std::size_t cut = at < first ? first : at < second ? second : stream.size();
                const std::size_t length = std::min(reader.wanted(), cut - at);
                ASSERT_GT(length, 0U);
                at += length;
                reader.feed(std::string_view(stream).substr(at - length, length), at == 24 ? 1 : 0);
            }
            EXPECT_EQ(reader.state(), State::complete) << "cut at " << first << " and " << second;
            EXPECT_EQ(reader.id(), 513);
        }
    }
}

TEST(HandshakeReader, TakesADescriptorThatComesWithAnyByteOfTheMemoryMessage) {
    const std::string memory = stream_of({-1});
    for (std::size_t at = 0; at < memory.size(); ++at) {
        HandshakeReader reader = read_messages({{0, 0}, {3, 0}});
        for (std::size_t i = 0; i < memory.size(); ++i) {
            reader.feed(memory.substr(i, 1), i == at ? 1 : 0);
        }
        EXPECT_EQ(reader.state(), State::complete) << "with byte " << at;
    }
}

TEST(HandshakeReader, NamesWhatIsWrong) {
    const struct {
        std::vector<Message> messages;
        std::string problem;
    } table[] = {
        {{{1, 0}}, "it sent version 1, and only version 0 is known"},
        {{{-1, 0}}, "it takes no more peers (version -1)"},
        {{{-2, 1}}, "it sent version -2, and only version 0 is known"},
        {{{0, 1}}, "it sent a descriptor with the version"},
        {{{0, 0}, {65536, 0}}, "it sent id 65536, and 65535 is the highest"},
        {{{0, 0}, {-1, 0}}, "it sent id -1, and 65535 is the highest"},
        {{{0, 0}, {70000, 1}}, "it sent id 70000, and 65535 is the highest"},
        {{{0, 0}, {2, 1}}, "it sent a descriptor with the id"},
        {{{0, 0}, {2, 0}, {5, 1}}, "it sent 5 after the id, where -1 and the memory belong"},
        {{{0, 0}, {2, 0}, {-2, 0}}, "it sent -2 after the id, where -1 and the memory belong"},
        {{{0, 0}, {2, 0}, {-1, 0}}, "it sent no descriptor of the memory with -1"},
        {{{0, 0}, {2, 0}, {-1, 2}}, "it sent 2 descriptors with -1"},
    };
    for (const auto& row : table) {
        const HandshakeReader reader = read_messages(row.messages);
        EXPECT_EQ(reader.state(), State::failed) << row.problem;
        EXPECT_EQ(reader.problem(), row.problem);
        EXPECT_EQ(reader.wanted(), 0U);
    }
}

TEST(HandshakeReader, SaysWhereTheServerClosed) {
    const char* const positions[] = {"before the version", "within the version",
                                     "after the version",  "within the id",
                                     "after the id",       "within the memory message"};
    const std::string stream = stream_of({0, 1, -1});
    for (std::size_t length = 0; length < stream.size(); ++length) {
        HandshakeReader reader;
        for (std::size_t at = 0; at < length; ++at) reader.feed(stream.substr(at, 1), 0);
        const std::string expected = positions[length / 8 * 2 + (length % 8 != 0 ? 1 : 0)];
        EXPECT_EQ(reader.position(), expected) << length << " bytes";
        EXPECT_EQ(reader.state(), State::reading);
        reader.end();
        EXPECT_EQ(reader.state(), State::failed);
        EXPECT_EQ(reader.problem(), "it closed the connection " + expected);
    }
}

TEST(HandshakeReader, TakesNoHarmFromAnEndAfterTheMemory) {
    HandshakeReader reader = read_messages({{0, 0}, {1, 0}, {-1, 1}});
    reader.end();
    EXPECT_EQ(reader.state(), State::complete);
}

TEST(HandshakeReader, KeepsItsFirstProblem) {
    HandshakeReader reader = read_messages({{9, 0}, {0, 0}, {1, 0}, {-1, 1}});
    reader.end();
    EXPECT_EQ(reader.problem(), "it sent version 9, and only version 0 is known");
}

}  // namespace
}  // namespace ivshmemd::doorbell
