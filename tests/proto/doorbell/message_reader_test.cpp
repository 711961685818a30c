#include "proto/doorbell/message_reader.h"

#include <gtest/gtest.h>

#include <vector>

namespace ivshmemd::doorbell {
namespace {

using Kind = Notice::Kind;

constexpr std::uint16_t own_id = 4;

std::vector<Notice> notices_of(MessageReader& reader, const std::vector<Message>& messages,
                               std::size_t piece = message_bytes) {
    std::vector<Notice> notices;
    for (const Message& message : messages) {
        const MessageBytes bytes = encode(message.number);
        const std::string_view whole(bytes.data(), bytes.size());
        for (std::size_t at = 0; at < whole.size(); at += piece) {
            // The kernel hands a descriptor out with the first byte of what was sent with it.
            const auto notice =
                reader.feed(whole.substr(at, piece), at == 0 ? message.descriptors : 0);
            if (notice) notices.push_back(*notice);
        }
    }
    return notices;
}

TEST(MessageReader, CountsTheVectorsOfEachPeer) {
    const std::vector<Message> messages = {{0, 1}, {0, 1}, {9, 1}, {4, 1}, {9, 1}, {4, 1}};
    const std::vector<Notice> expected = {{Kind::peer_vector, 0, 0}, {Kind::peer_vector, 0, 1},
                                          {Kind::peer_vector, 9, 0}, {Kind::own_vector, 4, 0},
                                          {Kind::peer_vector, 9, 1}, {Kind::own_vector, 4, 1}};
    for (std::size_t piece = 1; piece <= message_bytes; ++piece) {
        MessageReader reader(own_id);
        EXPECT_EQ(notices_of(reader, messages, piece), expected) << "in pieces of " << piece;
        EXPECT_EQ(reader.problem(), "");
    }
}

TEST(MessageReader, CountsFromZeroForTheNextHolderOfAnId) {
    MessageReader reader(own_id);
    const std::vector<Notice> expected = {{Kind::peer_vector, 7, 0},
                                          {Kind::peer_vector, 7, 1},
                                          {Kind::peer_gone, 7, 0},
                                          {Kind::peer_vector, 7, 0}};
    EXPECT_EQ(notices_of(reader, {{7, 1}, {7, 1}, {7, 0}, {7, 1}}), expected);
}

TEST(MessageReader, PassesOnThatAPeerLeftWhoHadNoVectors) {
    MessageReader reader(own_id);
    EXPECT_EQ(notices_of(reader, {{65535, 0}}), (std::vector<Notice>{{Kind::peer_gone, 65535, 0}}));
}

TEST(MessageReader, NamesWhatIsWrongAndStops) {
    const struct {
        Message message;
        std::string problem;
    } table[] = {
        {{-1, 1}, "it sent the memory a second time"},
        {{-1, 0}, "it sent the memory a second time"},
        {{-2, 0}, "it sent -2, which is no peer's id"},
        {{65536, 1}, "it sent 65536, which is no peer's id"},
        {{3, 2}, "it sent 2 descriptors in one message"},
        {{own_id, 0}, "it says that this client has left"},
    };
    for (const auto& row : table) {
        MessageReader reader(own_id);
        EXPECT_TRUE(notices_of(reader, {row.message, {1, 1}}).empty());
        EXPECT_EQ(reader.problem(), row.problem);
        EXPECT_EQ(reader.wanted(), 0U);
    }
}

}  // namespace
}  // namespace ivshmemd::doorbell
