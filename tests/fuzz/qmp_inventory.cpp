#include <nlohmann/json.hpp>

#include "lib/resolve.h"
#include "proto/api/values.h"
#include "proto/qmp/inventory_query.h"
#include "tests/fuzz/input.h"

namespace ivshmemd::test {

/// Each line is an answer, to the questions in their order; after the last the first comes again. A
/// machine of any shape is read in a bounded number of rounds, and can be shown.
FUZZ_TARGET(qmp_inventory) {
    constexpr JsonLimits limits{
        .max_bytes = 4096, .max_depth = 32, .refuse_duplicates = true, .refuse_nul = false};
    std::vector<Document> answers;
    for (const std::string_view line : lines_of(input)) {
        answers.push_back(parse_json(line, limits).value);  // null: an error
    }
    if (answers.empty()) return;
    qmp::QomMemo memo;
    qmp::InventoryQuery query({"/dev/shm", {}, {}}, memo);
    std::size_t asked = 0;
    std::size_t next = 0;
    while (asked < 2000) {
        std::vector<qmp::Question> questions = query.next();
        if (questions.empty()) break;
        for (qmp::Question& question : questions) {
            const Document& answer = answers[next++ % answers.size()];
            question.answer({answer.get(), answer ? "" : "GenericError", answer ? "" : "no"});
        }
        asked += questions.size();
    }
    if (asked >= 2000) return;  // of a machine that size the daemon asks no more
    const Inventory inventory = query.result();
    for (const InventoryDevice& entry : inventory.devices) {
        const json shown = api::spell_device(entry.device);
        require(shown.is_object() && shown.contains("qomPath"));
    }
}

}  // namespace ivshmemd::test
