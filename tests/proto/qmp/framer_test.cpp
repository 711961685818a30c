#include "proto/qmp/framer.h"

#include <gtest/gtest.h>

#include <chrono>
#include <vector>

namespace ivshmemd::qmp {
namespace {

using namespace std::string_literals;
using Frames = std::vector<std::string>;

Frames take_all(Framer& framer) {
    Frames frames;
    while (auto frame = framer.next()) frames.push_back(std::move(*frame));
    return frames;
}

/// The frames of a stream that arrives in pieces of this many bytes.
Frames frames_of(Framer& framer, std::string_view stream, std::size_t piece) {
    Frames frames;
    for (std::size_t at = 0; at < stream.size(); at += piece) {
        framer.feed(stream.substr(at, piece));
        for (std::string& frame : take_all(framer)) frames.push_back(std::move(frame));
    }
    return frames;
}

TEST(Framer, SplitsTwoObjectsInOneRead) {
    Framer framer;
    framer.feed("{\"return\": {}}\r\n{\"event\": \"STOP\"}\r\n");
    EXPECT_EQ(take_all(framer), (Frames{"{\"return\": {}}", "{\"event\": \"STOP\"}"}));
    EXPECT_EQ(framer.fault(), Framer::Fault::none);
}

TEST(Framer, SplitsObjectsWithNothingBetween) {
    Framer framer;
    framer.feed("{}{\"a\":{}}{}");
    EXPECT_EQ(take_all(framer), (Frames{"{}", "{\"a\":{}}", "{}"}));
}

TEST(Framer, GivesNothingBeforeTheLastBrace) {
    Framer framer;
    framer.feed("{\"a\":{}");
    EXPECT_EQ(framer.next(), std::nullopt);
    framer.feed("}");
    EXPECT_EQ(framer.next(), "{\"a\":{}}");
    EXPECT_EQ(framer.next(), std::nullopt);
}

TEST(Framer, GivesTheSameFramesHoweverTheBytesArrive) {
    const std::string stream =
        "{\"QMP\": {\"capabilities\": [\"oob\"]}}\r\n"
        "{\n    \"return\": [\n        {\n            \"x\": 1\n        }\n    ]\n}\r\n"
        "{\"a\": \"}{\\\"}\", \"b\": \"\\\\\"}  \t\r\n"
        "{\"c\": \"\\u007d\xc3\xa9\"}{}\r\n";
    Framer whole;
    const Frames expected = frames_of(whole, stream, stream.size());
    ASSERT_EQ(expected.size(), 5U);
    for (std::size_t piece = 1; piece < stream.size(); ++piece) {
        Framer framer;
        EXPECT_EQ(frames_of(framer, stream, piece), expected) << "in pieces of " << piece;
        EXPECT_EQ(framer.fault(), Framer::Fault::none);
    }
}

TEST(Framer, IgnoresBracesAndEscapedQuotesInStrings) {
    for (const std::string object :
         {R"({"a": "}"})", R"({"a": "{"})", R"({"a": "\"}"})", R"({"a": "\\"})",
          R"({"}": "\\\"{"})", R"({"path": "C:\\"})"}) {
        Framer framer;
        framer.feed(object + "\n{}");
        EXPECT_EQ(take_all(framer), (Frames{object, "{}"}));
    }
}

TEST(Framer, TakesLineEndsAndBlanksBetweenObjectsForNothing) {
    Framer framer;
    framer.feed(" \t\r\n");
    EXPECT_EQ(framer.next(), std::nullopt);
    framer.feed("\n\n{}\r\n\r\n");
    EXPECT_EQ(take_all(framer), (Frames{"{}"}));
    EXPECT_EQ(framer.fault(), Framer::Fault::none);
}

TEST(Framer, StopsAtAByteOutsideOfAnyObject) {
    for (const std::string& stray :
         {"x"s, "["s, "}"s, "\""s, "5"s, "\0"s, "\xff"s, "\xef\xbb\xbf"s}) {
        Framer framer;
        framer.feed("{\"a\":1}\n" + stray + "{}");
        EXPECT_EQ(framer.next(), "{\"a\":1}");
        EXPECT_EQ(framer.next(), std::nullopt);
        EXPECT_EQ(framer.fault(), Framer::Fault::stray_byte);
    }
}

TEST(Framer, StaysFaultyWhateverFollows) {
    Framer framer;
    framer.feed("hello");
    EXPECT_EQ(framer.next(), std::nullopt);
    framer.feed("{}");
    EXPECT_EQ(framer.next(), std::nullopt);
    EXPECT_EQ(framer.fault(), Framer::Fault::stray_byte);
}

TEST(Framer, AcceptsAFrameOfExactlyTheLimit) {
    const std::string frame = R"({"a":"56789"})";
    for (std::size_t piece = 1; piece <= frame.size(); ++piece) {
        Framer framer(frame.size());
        EXPECT_EQ(frames_of(framer, frame + frame + "\n", piece), (Frames{frame, frame}));
        EXPECT_EQ(framer.fault(), Framer::Fault::none);
    }
}

TEST(Framer, OverflowsOneByteBeyondTheLimit) {
    const std::string frame = R"({"a":"56789"})";
    for (std::size_t piece = 1; piece <= frame.size() + 2; ++piece) {
        Framer framer(frame.size() - 1);
        EXPECT_EQ(frames_of(framer, "{}" + frame, piece), (Frames{"{}"}));
        EXPECT_EQ(framer.fault(), Framer::Fault::overflow);
    }
}

TEST(Framer, DoesNotCountBlanksOrEarlierFramesAgainstTheLimit) {
    Framer framer(8);
    std::string stream;
    for (int i = 0; i < 100; ++i) stream += "{\"a\":1}" + std::string(50, ' ');
    EXPECT_EQ(frames_of(framer, stream, 64).size(), 100U);
    EXPECT_EQ(framer.fault(), Framer::Fault::none);
}

TEST(Framer, NeverOverflowsBeforeTheDefaultLimit) {
    Framer framer;
    framer.feed("{\"a\":\"");
    framer.feed(std::string(max_frame_bytes - 6, 'x'));
    EXPECT_EQ(framer.next(), std::nullopt);
    EXPECT_EQ(framer.fault(), Framer::Fault::none);
    framer.feed("x");
    EXPECT_EQ(framer.next(), std::nullopt);
    EXPECT_EQ(framer.fault(), Framer::Fault::overflow);
}

TEST(Framer, LooksAtEveryByteOfALargeFrameOnce) {
    const auto start = std::chrono::steady_clock::now();
    const std::string largest = "{\"a\":\"" + std::string(max_frame_bytes - 8, 'x') + "\"}";
    Framer in_reads;
    EXPECT_EQ(frames_of(in_reads, largest, 4096), (Frames{largest}));
    const std::string large = "{\"a\":\"" + std::string(std::size_t{1} << 20, 'x') + "\"}";
    Framer bytewise;
    EXPECT_EQ(frames_of(bytewise, large, 1), (Frames{large}));
    // Starting over at each read would look at 32 GiB and then at 512 GiB.
    EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(20));
}

TEST(Framer, KeepsUpWithManySmallFramesReadInOneGo) {
    std::string stream;
    for (int i = 0; i < 200'000; ++i) stream += "{\"return\": {}}\r\n";
    const auto start = std::chrono::steady_clock::now();
    Framer framer;
    EXPECT_EQ(frames_of(framer, stream, stream.size()).size(), 200'000U);
    // Moving the rest forward after each frame would move 300 GiB.
    EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(20));
}

}  // namespace
}  // namespace ivshmemd::qmp
