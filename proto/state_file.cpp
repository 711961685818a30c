#include "proto/state_file.h"

#include <nlohmann/json.hpp>

#include "proto/json.h"
#include "proto/state_records.h"

namespace ivshmemd {
namespace {

using namespace state_records;

constexpr std::int64_t version = 1;
constexpr JsonLimits limits{4 << 20, 16, true, true};

Error unreadable(std::string why) {
    return Error(ErrorKind::internal, "the state file is unreadable: " + std::move(why));
}

// One list of the file: its key, and what one entry of it is called.
struct List {
    const char* key;
    const char* entry;
    bool always = false;  // files of earlier releases lack the others
};
constexpr List regions{"regions", "region", true};
constexpr List removals{"removals", "removal", true};
constexpr List migrations{"migrations", "migration"};
constexpr List declared{"declared", "declared device"};
constexpr List doorbells{"doorbells", "doorbell"};
constexpr List proofs{"proofs", "proof"};
constexpr List changes{"changes", "change"};

// Reads the lists, and keeps account of what cannot be read.
class Reader {
  public:
    explicit Reader(const json& document) : document_(document) {}

    template <class Record, class Read>
    std::vector<Record> read(const List& list, Read read_entry) {
        std::vector<Record> records;
        const json* entries = find(document_, list.key);
        if (!entries && !list.always) return records;
        if (!as_array(entries)) {
            leave_out("all " + std::string(list.entry) + "s");
            return records;
        }
        std::size_t damaged = 0;
        for (const json& entry : *entries) {
            std::optional<Record> record = read_entry(entry);
            if (record) records.push_back(std::move(*record));
            if (!record) ++damaged;
        }
        if (damaged > 0) {
            leave_out(std::to_string(damaged) + " " + list.entry + (damaged == 1 ? "" : "s"));
        }
        return records;
    }

    const std::string& left_out() const { return left_out_; }

  private:
    void leave_out(const std::string& what) {
        if (!left_out_.empty()) left_out_ += ", ";
        left_out_ += what;
    }

    const json& document_;
    std::string left_out_;
};

using state_records::append;

template <class Record>
void append(std::string& text, const Record& record) {
    text += dump_json(spell(record));
}

template <class Record>
void append_all(std::string& text, const List& list, const std::vector<Record>& records) {
    text.append(",\"").append(list.key).append("\":[");
    for (const Record& record : records) {
        if (&record != &records.front()) text += ',';
        append(text, record);
    }
    text += ']';
}

}  // namespace

std::string spell_state(const SavedState& state) {
    std::string text = "{\"version\":" + std::to_string(version);
    append_all(text, regions, state.regions);
    append_all(text, removals, state.removals);
    append_all(text, migrations, state.migrations);
    append_all(text, declared, state.declared);
    append_all(text, doorbells, state.doorbells);
    append_all(text, proofs, state.proofs);
    append_all(text, changes, state.changes);
    return text + "}\n";
}

Result<ReadState> parse_state(std::string_view text) {
    const ParsedJson parsed = parse_json(text, limits);
    if (!parsed) return unreadable(parsed.detail);
    if (as_int(find(*parsed.value, "version")) != version) return unreadable("not version 1");
    Reader reader(*parsed.value);
    SavedState state;
    state.regions = reader.read<CreatedRegion>(regions, read_region);
    state.removals = reader.read<RemovalIntent>(removals, read_removal);
    state.migrations = reader.read<MigrationRecord>(migrations, read_migration);
    state.declared = reader.read<DeclaredRecord>(declared, read_declared);
    state.doorbells = reader.read<DoorbellRecord>(doorbells, read_doorbell);
    state.proofs = reader.read<ProofRecord>(proofs, read_proof);
    state.changes = reader.read<ChangeRecord>(changes, read_change);
    return ReadState{std::move(state), reader.left_out()};
}

}  // namespace ivshmemd
