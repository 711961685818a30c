#include "tests/daemon/faults/cells.h"

#include <algorithm>
#include <cstdlib>
#include <map>
#include <set>

#include "tests/support/exhaustive.h"

namespace ivshmemd::test {
namespace {

/// Cells that are left out; an empty set stands for any.
struct Exclusion {
    std::set<std::string> stories;
    std::set<std::string> commands;
    std::set<std::string> faults;
    std::string reason;
};

const std::set<std::string> questions{"qom-list",
                                      "qom-get",
                                      "qom-list-types",
                                      "device-list-properties",
                                      "human-monitor-command",
                                      "query-pci",
                                      "query-status",
                                      "query-uuid",
                                      "query-kvm",
                                      "query-chardev",
                                      "query-memdev",
                                      "query-yank",
                                      "query-migrate",
                                      "query-migrate-capabilities",
                                      "query-migrate-parameters"};

const std::vector<Exclusion> exclusions{
    {{}, questions, {"disconnectBeforeEffect", "lateEffect"}, "a question has no effect"},
    {{},
     questions,
     {"refusedDeviceNotActive", "refusedKVMMissingCap"},
     "the daemon tells the classes of refused questions apart nowhere"},
    {{},
     {"object-del", "chardev-remove"},
     {"refusedGenericError", "refusedDeviceNotFound", "refusedCommandNotFound",
      "refusedDeviceNotActive", "refusedKVMMissingCap"},
     "what QEMU will not delete is shown as leaked, and stays"},
    {{},
     {"getfd", "add-fd"},
     {"wrongId", "foreignId", "answeredAfterTheNext"},
     "until what takes a descriptor is answered nothing else is sent: QEMU may die of it"},
    {{"attachDoorbell", "declare"},
     {"getfd", "add-fd", "remove-fd", "chardev-add"},
     {"outOfDescriptors"},
     "the fake machine is in this process, and could not take the descriptor either"},
    {{"reload"},
     {},
     {"outOfDescriptors"},
     "what memory others have could not be looked at meanwhile, and counts as shared until it is"},
    {{},
     {"qom-get", "qom-list"},
     {"refusedGenericError", "refusedDeviceNotFound", "refusedCommandNotFound"},
     "what QEMU denies to have is not there until it is asked again"},
};

bool is_excluded(const Cell& cell) {
    const auto fits = [](const std::set<std::string>& words, const std::string& name) {
        return words.empty() || words.contains(name);
    };
    return std::any_of(exclusions.begin(), exclusions.end(), [&](const Exclusion& each) {
        return fits(each.stories, cell.story->name) && fits(each.commands, cell.command) &&
               fits(each.faults, cell.fault->name);
    });
}

// Between two commands that change something the same question comes dozens of times, and some
// commands are repeated: the first and the last of each stand for those between them.
std::set<std::size_t> that_stand_for_others(const std::vector<std::string>& exchanges) {
    std::set<std::size_t> chosen;
    std::map<std::string, std::pair<std::size_t, std::size_t>> stretch;  // first and last
    std::string change;
    const auto end_stretch = [&] {
        for (const auto& [command, places] : stretch) {
            chosen.insert(places.first);
            chosen.insert(places.second);
        }
        stretch.clear();
    };
    for (std::size_t i = 0; i < exchanges.size(); ++i) {
        const std::string& command = exchanges[i];
        const bool is_change = !questions.contains(command);
        if (is_change && command != change) {
            end_stretch();
            change = command;
        }
        const auto [place, is_first] = stretch.try_emplace(command, i, i);
        if (!is_first) place->second.second = i;
    }
    end_stretch();
    return chosen;
}

// All cells take longer than a run of the tests may, so that they take turns: what changes
// something is struck by every second fault, and a question, which has no effect that could be left
// behind, by every twelfth; those of rarer stories at longer intervals. The next exchange takes the
// ones beside them, and the next run too.
bool is_its_turn(const Cell& cell, std::ptrdiff_t fault) {
    const std::size_t turns = (questions.contains(cell.command) ? 12 : 2) * cell.story->rarity;
    return (cell.number + static_cast<std::size_t>(fault) + turn_of_this_run()) % turns == 0;
}

}  // namespace

std::vector<Cell> cells_of(const Story& story, const std::vector<std::string>& exchanges) {
    const char* wanted = std::getenv("IVSHMEMD_FAULT_CELL");
    const bool all = exhaustive() || wanted;
    const std::set<std::size_t> chosen = that_stand_for_others(exchanges);
    std::vector<Cell> cells;
    for (std::size_t i = 0; i < exchanges.size(); ++i) {
        if (!all && !chosen.contains(i)) continue;
        const auto here = exchanges.begin() + static_cast<std::ptrdiff_t>(i);
        const auto before = std::count(exchanges.begin(), here, *here);
        for (const Fault& fault : all_faults()) {
            const Cell cell{&story, i, *here, static_cast<std::size_t>(before), &fault};
            if (!all && !is_its_turn(cell, &fault - all_faults().data())) continue;
            if (is_excluded(cell) || (wanted && !cell.name().starts_with(wanted))) continue;
            cells.push_back(cell);
        }
    }
    return cells;
}

}  // namespace ivshmemd::test
