#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <iterator>
#include <map>
#include <set>

#include "tests/daemon/faults/cells.h"
#include "tests/support/exhaustive.h"
#include "tests/support/variable.h"

// Every operation with every fault at every exchange: the cells are made of what a run without
// faults has exchanged, so that a new step is covered by itself.
namespace ivshmemd::test {
namespace {

std::ptrdiff_t open_files() {
    const std::filesystem::directory_iterator files("/proc/self/fd");
    return std::distance(begin(files), end(files));
}

void expect_none(const std::vector<std::string>& problems, const std::string& when) {
    for (const std::string& each : problems) ADD_FAILURE() << when << ": " << each;
}

std::vector<std::string> record(const Story& story) {
    Scene scene;
    scene.open();
    story.prepare(scene);
    scene.watch();
    story.begin(scene);
    expect_none(scene.converge(), "without a fault");
    expect_none(scene.contradictions(), "without a fault");
    EXPECT_EQ(scene.error(), "") << scene.reply();
    EXPECT_TRUE(story.is_done(scene));
    const std::vector<std::string> exchanges = scene.exchanges();
    scene.end();
    return exchanges;
}

/// What it exchanges without a fault; a program that plays it with many asks once.
const std::vector<std::string>& exchanges_of(const Story& story) {
    static std::map<std::string, std::vector<std::string>> known;
    const auto found = known.find(story.name);
    return found != known.end() ? found->second : known[story.name] = record(story);
}

// What the reply says has to be so.
void expect_true_reply(const Story& story, const Fault& fault, Scene& scene) {
    const bool left_with_qemu = scene.qemu_died() && story.of_this_qemu;
    if (!scene.called()) {
        const bool is_told = !scene.machine()->declared().failures().empty();
        EXPECT_TRUE(story.is_done(scene) || is_told || left_with_qemu) << "it was never done";
        return;
    }
    if (scene.reply().is_null()) {
        EXPECT_TRUE(story.is_done(scene)) << "the client has left, and the work does not go on";
        return;
    }
    if (scene.qemu_died()) return;
    if (story.is_partly && story.is_partly(scene)) return;
    const std::string error = scene.error();
    EXPECT_TRUE(error.empty() || !fault.harmless) << scene.reply();
    const std::string outcome =
        error == "TimedOut" ? scene.reply()["parameters"].value("outcome", "") : "";
    if (error.empty() || outcome == "done") {
        EXPECT_TRUE(story.is_done(scene)) << "it says that it was done: " << scene.reply();
    } else if (error == "QemuError" || outcome == "undone" || says_undone(scene)) {
        EXPECT_TRUE(story.is_undone(scene)) << "it says that it was not done: " << scene.reply();
    } else {
        EXPECT_TRUE(story.is_done(scene) || story.is_undone(scene)) << scene.reply();
    }
}

void repeat(const Story& story, Scene& scene) {
    if (story.once && story.is_done(scene)) return;
    scene.watch();
    story.begin(scene);
    expect_none(scene.converge(), "repeated");
    expect_none(scene.contradictions(), "repeated");
    const bool left_with_qemu = scene.qemu_died() && story.of_this_qemu;
    EXPECT_TRUE(story.is_done(scene) || left_with_qemu) << "repeated: " << scene.reply();
}

void play(const Cell& cell) {
    const Story& story = *cell.story;
    Scene scene;
    scene.open();
    story.prepare(scene);
    scene.watch(cell.command, cell.which, cell.fault);
    story.begin(scene);
    expect_none(scene.converge(), "first");
    EXPECT_TRUE(scene.has_struck()) << "the exchange was never made";
    expect_none(scene.contradictions(), "first");
    expect_true_reply(story, *cell.fault, scene);
    repeat(story, scene);
    if (testing::Test::HasFailure() && std::getenv("IVSHMEMD_FAULT_CELL")) {
        std::cout << scene.diary() << "\n";
    }
    scene.end();
}

class Faults : public testing::TestWithParam<std::tuple<Story, Fault>> {};

TEST_P(Faults, LeaveEverythingTrue) {
    const auto& [story, fault] = GetParam();
    for (const Cell& cell : cells_of(story, exchanges_of(story))) {
        if (cell.fault->name != fault.name) continue;
        SCOPED_TRACE(cell.name());
        const std::ptrdiff_t before = open_files();
        play(cell);
        EXPECT_EQ(open_files(), before) << "descriptors of this process";
    }
}

std::string name_of(const testing::TestParamInfo<std::tuple<Story, Fault>>& info) {
    return std::get<Story>(info.param).name + "_" + std::get<Fault>(info.param).name;
}

INSTANTIATE_TEST_SUITE_P(Matrix, Faults,
                         testing::Combine(testing::ValuesIn(all_stories()),
                                          testing::ValuesIn(all_faults())),
                         name_of);

TEST(FaultCells, AreAllPlayedWhenEachHasHadItsTurn) {
    if (exhaustive() || std::getenv("IVSHMEMD_FAULT_CELL")) GTEST_SKIP() << "no turns are taken";
    const Story story = all_stories().front();
    std::set<std::string> played;
    std::set<std::size_t> struck;
    for (int run = 0; run < 12; ++run) {
        const Variable turn("IVSHMEMD_TURN", std::to_string(run));
        for (const Cell& cell : cells_of(story, exchanges_of(story))) {
            played.insert(cell.name());
            struck.insert(cell.number);
        }
    }
    const Variable all("IVSHMEMD_FAULT_CELL", story.name + "/");
    for (const Cell& cell : cells_of(story, exchanges_of(story))) {
        if (!struck.contains(cell.number)) continue;  // which others stand for
        EXPECT_TRUE(played.contains(cell.name())) << cell.name();
    }
}

TEST(FaultCells, AreAsManyAsTheExchangesMake) {
    std::size_t all = 0;
    for (const Story& story : all_stories()) {
        const std::vector<std::string>& exchanges = exchanges_of(story);
        const std::size_t cells = cells_of(story, exchanges).size();
        std::cout << story.name << ": " << exchanges.size() << " exchanges, " << cells
                  << " cells\n";
        all += cells;
    }
    std::cout << all << " cells\n";
    EXPECT_GE(all, 900u);
}

}  // namespace
}  // namespace ivshmemd::test
