#include "proto/qmp/bus_names.h"

#include <algorithm>

namespace ivshmemd::qmp {
namespace {

// QEMU reads no more of a part of a path.
constexpr std::size_t longest_part = 127;

class Names {
  public:
    Names(QomMemo& memo, const std::vector<FoundBus>& found) : memo_(memo), found_(found) {}

    bool is_unique(const FoundBus& bus) const {
        const auto same = [&](const FoundBus& each) { return each.name == bus.name; };
        return std::count_if(found_.begin(), found_.end(), same) == 1;
    }

    // Empty where there is none.
    std::string address(const FoundBus& bus, int depth = 0) {
        if (bus.name.size() > longest_part || depth > deepest_nesting) return "";
        if (is_unique(bus)) return bus.name;
        if (!is_behind_device(memo_, bus)) return address_of_root(bus);
        const FoundBus* parent = parent_of(memo_, found_, bus);
        const std::string part = part_of(bus);
        if (!parent || part.empty() || part.size() > longest_part) return "";
        const std::string before = address(*parent, depth + 1);
        return before.empty() ? "" : before + "/" + part;
    }

  private:
    // Host bridges have no id.
    std::string address_of_root(const FoundBus& bus) const {
        const auto same = [&](const FoundBus& each) { return each.owner_type == bus.owner_type; };
        const bool only = std::count_if(found_.begin(), found_.end(), same) == 1;
        // An expander's host is on no bus that a path could begin with.
        const bool expander = bus.type.starts_with("pxb-");
        return only && !expander ? "/" + bus.owner_type + "/" + bus.name : "";
    }

    const std::string* parent_path(const FoundBus& bus) {
        return as_string(memo_.lasting(bus.owner, "parent_bus"));
    }

    std::string part_of(const FoundBus& bus) {
        const std::string id = id_of(bus.owner);
        if (!id.empty()) return id;
        // Devices of one type have their buses alike, so all rivals are among the found.
        for (const FoundBus& each : found_) {
            const bool rival = each.owner != bus.owner && each.owner_type == bus.owner_type;
            if (!rival) continue;
            const std::string* place = parent_path(each);
            const std::string* own = parent_path(bus);
            if (!place || !own || *place == *own) return "";
        }
        for (const QomEntry& each : memo_.list(std::string(peripheral)).children) {
            if (each.name == bus.owner_type) return "";
        }
        return bus.owner_type;
    }

    QomMemo& memo_;
    const std::vector<FoundBus>& found_;
};

std::string unnameable(const FoundBus& bus) {
    if (bus.name.size() > longest_part) return "QEMU cannot be told a name that long";
    return "QEMU cannot tell it from another bus; start the VM with an id for its device: "
           "-device " +
           bus.owner_type + ",id=NAME,...";
}

}  // namespace

void name_buses(QomMemo& memo, const std::vector<FoundBus>& found, std::vector<Bus>& buses) {
    Names names(memo, found);
    for (std::size_t i = 0; i < found.size(); ++i) {
        Bus& bus = buses[i];
        bus.path = found[i].path;
        bus.name = names.is_unique(found[i]) ? found[i].name : found[i].path;
        bus.address = names.address(found[i]);
        if (bus.address.empty() && bus.reason.empty()) bus.reason = unnameable(found[i]);
    }
}

}  // namespace ivshmemd::qmp
