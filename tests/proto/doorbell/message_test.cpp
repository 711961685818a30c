#include "proto/doorbell/message.h"

#include <gtest/gtest.h>

#include <limits>
#include <string>

namespace ivshmemd::doorbell {
namespace {

std::string text(const MessageBytes& bytes) {
    return std::string(bytes.data(), bytes.size());
}

TEST(DoorbellMessage, IsAnInt64OfLittleEndianBytes) {
    EXPECT_EQ(text(encode(0)), std::string(8, '\0'));
    EXPECT_EQ(text(encode(-1)), std::string(8, '\xff'));
    EXPECT_EQ(text(encode(0x0102030405060708)), "\x08\x07\x06\x05\x04\x03\x02\x01");
    EXPECT_EQ(decode({'\xff', '\xff', 0, 0, 0, 0, 0, 0}), max_peer_id);
    EXPECT_EQ(decode({0, 0, 0, 0, 0, 0, 0, '\x80'}), std::numeric_limits<std::int64_t>::min());
}

TEST(DoorbellMessage, SurvivesEncodingAndDecoding) {
    for (const std::int64_t number :
         {std::int64_t{0}, std::int64_t{-1}, max_peer_id, std::numeric_limits<std::int64_t>::min(),
          std::numeric_limits<std::int64_t>::max()}) {
        EXPECT_EQ(decode(encode(number)), number);
    }
}

TEST(MessageCollector, GivesTheMessageAtItsLastByte) {
    const std::string bytes = text(encode(4711));
    MessageCollector collector;
    for (std::size_t at = 0; at < 7; ++at) {
        EXPECT_EQ(collector.wanted(), 8 - at);
        EXPECT_EQ(collector.feed(bytes.substr(at, 1), 0), std::nullopt);
        EXPECT_TRUE(collector.has_part());
    }
    EXPECT_EQ(collector.feed(bytes.substr(7), 0), (Message{4711, 0}));
    EXPECT_FALSE(collector.has_part());
    EXPECT_EQ(collector.wanted(), 8U);
}

TEST(MessageCollector, CountsTheDescriptorsOfAllPiecesOfAMessage) {
    const std::string bytes = text(encode(5));
    MessageCollector collector;
    EXPECT_EQ(collector.feed(bytes.substr(0, 3), 1), std::nullopt);
    EXPECT_EQ(collector.feed(bytes.substr(3), 2), (Message{5, 3}));
    EXPECT_EQ(collector.feed(bytes, 0), (Message{5, 0})) << "none is left over for the next";
}

TEST(MessageCollector, TakesNoByteOfTheNextMessage) {
    MessageCollector collector;
    EXPECT_EQ(collector.feed(text(encode(1)) + text(encode(2)), 0), (Message{1, 0}));
    EXPECT_EQ(collector.wanted(), 8U);
}

}  // namespace
}  // namespace ivshmemd::doorbell
