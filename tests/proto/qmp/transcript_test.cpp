// Every recorded conversation with a real QEMU, fed through Framer and parse_message the way a
// socket might deliver it.

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "proto/qmp/framer.h"
#include "proto/qmp/message.h"

namespace ivshmemd::qmp {
namespace {

/// One message of QEMU, and the id of the command it followed (null for the greeting).
struct Recorded {
    std::string step;
    json sent_id;
    json message;
};

using Transcript = std::vector<Recorded>;

std::vector<std::filesystem::path> transcript_files() {
    std::vector<std::filesystem::path> files;
    for (const auto& entry : std::filesystem::directory_iterator(IVSHMEMD_TRANSCRIPTS_DIR)) {
        if (entry.path().extension() == ".jsonl") files.push_back(entry.path());
    }
    std::sort(files.begin(), files.end());
    return files;
}

Transcript read_transcript(const std::filesystem::path& file) {
    Transcript transcript;
    std::ifstream lines(file);
    for (std::string line; std::getline(lines, line);) {
        const json step = json::parse(line);
        const json& sent = step.at("send");
        const json id = sent.is_object() ? sent.value("id", json()) : json();
        for (const char* part : {"recv", "then"}) {
            for (const json& message : step.at(part)) {
                transcript.push_back({step.at("step").get<std::string>(), id, message});
            }
        }
    }
    return transcript;
}

/// The stream as QEMU writes it: indented when the monitor was started with pretty=on.
std::string stream_of(const Transcript& transcript, int indentation) {
    std::string stream;
    for (const Recorded& recorded : transcript) {
        stream += recorded.message.dump(indentation, ' ', true) + "\r\n";
    }
    return stream;
}

std::vector<std::string> frames_of(std::string_view stream, std::size_t piece) {
    Framer framer;
    std::vector<std::string> frames;
    for (std::size_t at = 0; at < stream.size(); at += piece) {
        framer.feed(stream.substr(at, piece));
        while (auto frame = framer.next()) frames.push_back(std::move(*frame));
    }
    EXPECT_EQ(framer.fault(), Framer::Fault::none);
    return frames;
}

/// Whether the parsed message says what was recorded.
struct Compare {
    const Recorded& recorded;

    void operator()(const Greeting& greeting) const {
        const json& version = recorded.message.at("QMP").at("version");
        EXPECT_EQ(greeting.version.major, version.at("qemu").at("major").get<int>());
        EXPECT_EQ(greeting.version.minor, version.at("qemu").at("minor").get<int>());
        EXPECT_EQ(greeting.version.micro, version.at("qemu").at("micro").get<int>());
        EXPECT_EQ(greeting.package, version.at("package").get<std::string>());
        EXPECT_EQ(greeting.oob, greeting.version >= (Version{5, 2, 0}));
    }
    void operator()(const Reply& reply) const {
        ASSERT_TRUE(recorded.message.contains("return"));
        EXPECT_EQ(*reply.value, recorded.message.at("return"));
        expect_id(reply.id);
    }
    void operator()(const ErrorReply& error) const {
        ASSERT_TRUE(recorded.message.contains("error"));
        EXPECT_EQ(error.error_class, recorded.message.at("error").at("class").get<std::string>());
        EXPECT_EQ(error.description, recorded.message.at("error").at("desc").get<std::string>());
        expect_id(error.id);
    }
    void operator()(const Event& event) const {
        ASSERT_TRUE(recorded.message.contains("event"));
        EXPECT_EQ(event.name, recorded.message.at("event").get<std::string>());
        EXPECT_EQ(event.data ? *event.data : json(), recorded.message.value("data", json()));
    }
    void operator()(const Malformed& malformed) const { ADD_FAILURE() << malformed.reason; }

    void expect_id(const ReplyId& id) const {
        EXPECT_EQ(id.kind, ReplyId::Kind::number);
        EXPECT_EQ(id.number, recorded.sent_id.get<std::uint64_t>());
    }
};

void expect_all_survive(const Transcript& transcript, int indentation, std::size_t piece) {
    const auto frames = frames_of(stream_of(transcript, indentation), piece);
    ASSERT_EQ(frames.size(), transcript.size());
    for (std::size_t i = 0; i < frames.size(); ++i) {
        SCOPED_TRACE(transcript[i].step);
        std::visit(Compare{transcript[i]}, parse_message(frames[i]));
    }
}

TEST(QmpTranscript, HoldsAConversationWithEachSupportedRelease) {
    std::vector<Version> releases;
    for (const auto& file : transcript_files()) {
        SCOPED_TRACE(file.filename());
        const Transcript transcript = read_transcript(file);
        ASSERT_GT(transcript.size(), 50U);
        const Message first = parse_message(transcript.front().message.dump());
        ASSERT_TRUE(std::holds_alternative<Greeting>(first));
        releases.push_back(std::get<Greeting>(first).version);
    }
    ASSERT_FALSE(releases.empty());
    const auto [oldest, newest] = std::minmax_element(releases.begin(), releases.end());
    EXPECT_LT(*oldest, (Version{5, 0, 0}));
    EXPECT_GE(*newest, (Version{10, 0, 0}));
}

TEST(QmpTranscript, SurvivesAnyFragmentationAndPrettyPrinting) {
    constexpr int on_one_line = -1;
    for (const auto& file : transcript_files()) {
        SCOPED_TRACE(file.filename());
        const Transcript transcript = read_transcript(file);
        for (const int indentation : {on_one_line, 4}) {
            for (const std::size_t piece :
                 {std::size_t{1}, std::size_t{7}, std::size_t{4096}, std::size_t{1} << 30}) {
                SCOPED_TRACE("indentation " + std::to_string(indentation) + ", pieces of " +
                             std::to_string(piece));
                expect_all_survive(transcript, indentation, piece);
            }
        }
    }
}

}  // namespace
}  // namespace ivshmemd::qmp
