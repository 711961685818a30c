#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "proto/json.h"
#include "proto/qmp/command.h"

namespace ivshmemd::test {

/// What a real QEMU did with a device for a bus.
struct BusTruth {
    std::string path;       // of the bus in QOM
    std::string name;       // what device_add was told: the bus's name, or a path as qdev has them
    bool accepted = false;  // on whatever bus
    std::string description;  // of the refusal
    std::string landed;       // QOM path of the bus that took it: others may have the same name

    bool in_use() const;  // refused because something is plugged in there
};

/// What a real QEMU of one topology tells about its buses: see transcripts/record_buses.py.
class RecordedBuses {
  public:
    /// `version` is the name of a file, e.g. "7.2". Throws if that has no such topology.
    RecordedBuses(const std::string& version, const std::string& topology);

    /// What this QEMU said instead of starting.
    const std::optional<std::string>& refused() const { return refused_; }

    /// QEMU's whole reply, which is its error for what it has not. Fails the test, and is null, if
    /// the recording does not tell.
    const json* reply(const qmp::Command& question) const;

    /// The same for a reader of answers: null for an error.
    const json* answer(const qmp::Command& question) const;

    const std::vector<BusTruth>& truths() const { return truths_; }

    /// What became of a device for that bus, told by its name. Throws if there is no such bus.
    const BusTruth& truth(std::string_view path) const;

  private:
    struct Listing {
        std::set<std::string, std::less<>> names;
        bool partial = false;  // only what may have a bus below is sure to be in there
    };

    void read_header(const json& line);
    void read_truth(const json& line);
    void read_exchange(const json& line);
    void read_listing(const std::string& path, const json& line);
    Document absence(const qmp::Command& question) const;
    bool has_no_object(std::string path) const;

    std::string name_;
    std::optional<std::string> refused_;
    std::map<std::string, Document> replies_;
    std::map<std::string, Listing> listings_;   // by path
    std::map<std::string, std::string> types_;  // of objects, by path
    std::vector<BusTruth> truths_;
    mutable std::map<std::string, Document> absences_;  // that were asked for
};

/// In the order of their names, which is not that of their numbers.
std::vector<std::string> versions_with_recorded_buses();
std::vector<std::string> recorded_topologies(const std::string& version);

}  // namespace ivshmemd::test
