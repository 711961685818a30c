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

template <class Record>
json spell_all(const std::vector<Record>& records) {
    json entries = json::array();
    for (const Record& record : records) entries.push_back(spell(record));
    return entries;
}

}  // namespace

std::string spell_state(const SavedState& state) {
    const json document = {{"version", version},
                           {regions.key, spell_all(state.regions)},
                           {removals.key, spell_all(state.removals)},
                           {migrations.key, spell_all(state.migrations)},
                           {declared.key, spell_all(state.declared)},
                           {doorbells.key, spell_all(state.doorbells)},
                           {proofs.key, spell_all(state.proofs)},
                           {changes.key, spell_all(state.changes)}};
    return dump_json(document) + "\n";
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
