#include "proto/varlink/framing.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace ivshmemd::varlink {
namespace {

using namespace std::string_literals;

std::vector<std::string> drain(Framer& framer) {
    std::vector<std::string> messages;
    while (auto message = framer.next()) messages.push_back(*std::move(message));
    return messages;
}

TEST(VarlinkFramer, SplitsTwoMessagesInOneRead) {
    Framer framer;
    framer.feed("{\"a\":1}\0{\"b\":2}\0"s);
    EXPECT_EQ(drain(framer), (std::vector<std::string>{"{\"a\":1}", "{\"b\":2}"}));
    EXPECT_FALSE(framer.has_partial());
}

TEST(VarlinkFramer, JoinsAMessageThatArrivesByteByByte) {
    Framer framer;
    std::vector<std::string> messages;
    for (const char byte : "first\0second\0"s) {
        framer.feed(std::string(1, byte));
        for (auto& message : drain(framer)) messages.push_back(message);
    }
    EXPECT_EQ(messages, (std::vector<std::string>{"first", "second"}));
}

TEST(VarlinkFramer, GivesTheSameMessagesHoweverTheStreamIsSplit) {
    const std::string stream = "a\0bb\0\0cccc\0"s;
    const std::vector<std::string> expected{"a", "bb", "", "cccc"};
    for (std::size_t cut = 0; cut <= stream.size(); ++cut) {
        Framer framer;
        framer.feed(std::string_view(stream).substr(0, cut));
        auto messages = drain(framer);
        framer.feed(std::string_view(stream).substr(cut));
        for (auto& message : drain(framer)) messages.push_back(message);
        EXPECT_EQ(messages, expected) << "cut at " << cut;
    }
}

TEST(VarlinkFramer, DoesNotEndAMessageAtANewline) {
    Framer framer;
    framer.feed("{}\n");
    EXPECT_FALSE(framer.next());
    EXPECT_TRUE(framer.has_partial());
}

TEST(VarlinkFramer, ShowsWhatIsLeftAtEndOfStream) {
    Framer framer;
    framer.feed("{}\0{\"meth"s);
    EXPECT_EQ(framer.next(), "{}");
    EXPECT_FALSE(framer.next());
    EXPECT_TRUE(framer.has_partial());
    EXPECT_FALSE(framer.too_long());
}

TEST(VarlinkFramer, TakesAMessageOfExactlyTheLimit) {
    Framer framer(8);
    framer.feed("12345678\0"s);
    EXPECT_EQ(framer.next(), "12345678");
    EXPECT_FALSE(framer.too_long());
}

TEST(VarlinkFramer, RefusesAMessageOfOneByteMore) {
    Framer framer(8);
    framer.feed("123456789\0"s);
    EXPECT_FALSE(framer.next());
    EXPECT_TRUE(framer.too_long());
}

TEST(VarlinkFramer, RefusesALongMessageBeforeItsEndArrives) {
    Framer framer(8);
    framer.feed("12345");
    EXPECT_FALSE(framer.next());
    EXPECT_FALSE(framer.too_long());
    framer.feed("6789");
    EXPECT_FALSE(framer.next());
    EXPECT_TRUE(framer.too_long());
}

TEST(VarlinkFramer, DeliversTheMessagesBeforeATooLongOne) {
    Framer framer(8);
    framer.feed("good\0much too long\0good\0"s);
    EXPECT_EQ(drain(framer), std::vector<std::string>{"good"});
    EXPECT_TRUE(framer.too_long());
}

TEST(VarlinkFramer, IgnoresEverythingAfterATooLongMessage) {
    Framer framer(8);
    framer.feed("much too long\0"s);
    EXPECT_FALSE(framer.next());
    framer.feed("good\0"s);
    EXPECT_FALSE(framer.next());
    EXPECT_TRUE(framer.too_long());
    EXPECT_TRUE(framer.has_partial());
}

TEST(VarlinkFramer, CountsTheLimitPerMessage) {
    Framer framer(8);
    framer.feed(
        "12345678\0"
        "12345678\0"
        "1234"s);
    EXPECT_EQ(drain(framer).size(), 2U);
    EXPECT_FALSE(framer.too_long());
}

class LongCall : public testing::TestWithParam<std::pair<const char*, bool>> {};

TEST_P(LongCall, MayBeLongerWhenItBeginsWithItsMethod) {
    const auto& [begin, taken] = GetParam();
    Framer framer(40);
    framer.allow("org.a.Long", 60);
    const std::string text = begin + std::string(60 - std::string_view(begin).size(), ' ');
    framer.feed(text);
    EXPECT_FALSE(framer.next());
    EXPECT_EQ(framer.too_long(), !taken);
    framer.feed("\0"s);
    EXPECT_EQ(framer.next().has_value(), taken);
    framer.feed(text + ' ');
    EXPECT_FALSE(framer.next());
    EXPECT_TRUE(framer.too_long());
}

INSTANTIATE_TEST_SUITE_P(VarlinkFramer, LongCall,
                         testing::Values(std::pair(R"({"method":"org.a.Long")", true),
                                         std::pair(R"( { "method" : "org.a.Long" ,)", true),
                                         std::pair(R"({"method":"org.a.Longer")", false),
                                         std::pair(R"({"method":"org.a.Lon")", false),
                                         std::pair(R"({"more":true,"method":"org.a.Long")", false),
                                         std::pair(R"(["method":"org.a.Long")", false),
                                         std::pair("", false)));

}  // namespace
}  // namespace ivshmemd::varlink
