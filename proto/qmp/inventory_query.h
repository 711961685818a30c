#pragma once

#include <deque>
#include <map>
#include <string>
#include <vector>

#include "lib/inventory.h"
#include "lib/region_places.h"
#include "proto/qmp/qom_memo.h"

namespace ivshmemd::qmp {

/// Reads a whole inventory in rounds of pipelined questions, without I/O of its own: send what
/// next() gives, pass each answer to its question, and again until it gives none; then take the
/// result(). Must stay in place while its questions are used, and so must the memo. Where the memo
/// knows the machine there are two rounds, and a third for devices that have a memory backend.
class InventoryQuery {
  public:
    /// Regions are called by what is at these places.
    InventoryQuery(RegionPlaces places, QomMemo& memo) : places_(std::move(places)), memo_(memo) {}
    InventoryQuery(const InventoryQuery&) = delete;
    InventoryQuery& operator=(const InventoryQuery&) = delete;

    std::vector<Question> next();
    Inventory result();

    /// The VM's run state; empty when QEMU did not say.
    const std::string& run_state() const { return run_state_; }

    /// What QEMU did not answer of that which is needed, in words; empty when nothing: then the
    /// result can be believed.
    const std::string& fault() const { return fault_; }

  private:
    struct RawDevice {
        InventoryDevice entry;
        std::string bus_path;
        int devfn = -1;
        std::string shm_file;  // of legacy without a server
    };

    std::vector<Question> first();
    std::vector<Question> second();
    std::vector<Question> third();
    const json* needed(const Command& command, const Response& reply);
    void read_devices(const json* reply, const std::string& parent);
    void ask_about(RawDevice& raw, std::vector<Question>& questions);
    void ask_about(Backend& backend, std::vector<Question>& questions);
    void ask_about_window(Backend& backend, std::vector<Question>& questions);
    static bool has_no_file(const Backend& backend);
    bool is_shown(const Backend& backend) const;
    void read_memory_devices(const json* reply);
    void ask_who_is_left(std::vector<Question>& questions);
    bool has_left(const std::string& path) const;
    const PciFunction* function_of(const RawDevice& raw) const;
    bool is_on_root(const RawDevice& raw) const;
    void complete_device(RawDevice& raw) const;
    void complete_region(RawDevice& raw) const;
    void read_buses();

    RegionPlaces places_;
    QomMemo& memo_;
    int round_ = 0;
    std::string fault_;
    std::string run_state_;
    std::vector<PciFunction> functions_;
    std::vector<std::string> chardevs_;
    std::map<std::string, std::string> servers_;              // chardev -> path of its server
    std::map<std::string, std::vector<QomEntry>> remaining_;  // by parent, asked last
    // Deques: questions keep references to the elements.
    std::deque<RawDevice> devices_;
    std::deque<Backend> backends_;
    std::vector<Bus> buses_;
};

}  // namespace ivshmemd::qmp
