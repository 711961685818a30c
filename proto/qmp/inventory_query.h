#pragma once

#include <deque>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "lib/inventory.h"
#include "proto/qmp/command.h"
#include "proto/qmp/queries.h"

namespace ivshmemd::qmp {

/// One question, and what to do with its answer: null for an error or no answer.
struct Question {
    Command command;
    std::function<void(const json*)> answer;
};

/// Reads a whole inventory in two rounds of pipelined questions, without I/O of its own: send the
/// first(), pass each answer to its question, send the second(), the same, then take the result().
/// Must stay in place while its questions are used.
class InventoryQuery {
  public:
    /// Region names are those of files directly below `region_dir`.
    explicit InventoryQuery(std::string region_dir) : region_dir_(std::move(region_dir)) {}
    InventoryQuery(const InventoryQuery&) = delete;
    InventoryQuery& operator=(const InventoryQuery&) = delete;

    std::vector<Question> first();
    std::vector<Question> second();
    Inventory result();

    /// The VM's run state; empty when QEMU did not say.
    const std::string& run_state() const { return run_state_; }

    /// False when QEMU did not answer one of the first questions: the result is not to be believed.
    bool complete() const { return complete_; }

  private:
    struct RawDevice {
        InventoryDevice entry;
        std::string bus_path;
        int devfn = -1;
        std::string shm_file;  // of legacy without a server
    };
    struct Port {
        Bus bus;
        std::uint64_t reserve = UINT64_MAX;
    };

    void read_devices(const json* reply, const std::string& parent);
    void ask_about(RawDevice& raw, std::vector<Question>& questions);
    void ask_about(Backend& backend, std::vector<Question>& questions);
    void ask_about(Port& port, std::vector<Question>& questions);
    void ask_about_root_bus(std::vector<Question>& questions);
    void ask_who_is_left(std::vector<Question>& questions);
    bool has_left(const std::string& path) const;
    const PciFunction* function_of(const RawDevice& raw) const;
    void complete_device(RawDevice& raw) const;
    void complete_region(RawDevice& raw) const;
    Bus root_bus() const;
    std::vector<Bus> port_buses();

    std::string region_dir_;
    bool complete_ = true;
    std::string run_state_;
    std::vector<PciFunction> functions_;
    std::vector<std::string> chardevs_;
    std::map<std::string, std::string> servers_;              // chardev -> path of its server
    std::map<std::string, std::vector<QomEntry>> remaining_;  // by parent, asked last
    // Deques: questions keep references to the elements.
    std::deque<RawDevice> devices_;
    std::deque<Backend> backends_;
    std::deque<Port> ports_;
    std::string root_bus_name_;
    bool root_hotpluggable_ = false;
};

}  // namespace ivshmemd::qmp
