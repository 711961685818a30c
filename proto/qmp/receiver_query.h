#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "lib/inventory.h"
#include "proto/qmp/question.h"

namespace ivshmemd::qmp {

/// What a destination has to be told of a VM's masters that its inventory does not have.
struct ReceiverFacts {
    std::map<std::string, std::string> options;  // of a backend, by its id: ",align=4096"
    std::set<std::string> multifunction;         // QOM paths of the devices that are
};

/// Asks for that, without I/O of its own, in two rounds: as InventoryQuery does.
class ReceiverQuery {
  public:
    /// The inventory must outlive this.
    explicit ReceiverQuery(const Inventory& inventory) : inventory_(inventory) {}
    ReceiverQuery(const ReceiverQuery&) = delete;
    ReceiverQuery& operator=(const ReceiverQuery&) = delete;

    std::vector<Question> next();
    const ReceiverFacts& result() const { return facts_; }
    /// What QEMU did not answer, in words; empty when nothing: then the result can be believed.
    const std::string& fault() const { return fault_; }

  private:
    std::vector<Question> first();
    std::vector<Question> second();

    const Inventory& inventory_;
    int round_ = 0;
    std::map<std::string, std::set<std::string>> listed_;  // by backend: what it has of these
    ReceiverFacts facts_;
    std::string fault_;
};

}  // namespace ivshmemd::qmp
