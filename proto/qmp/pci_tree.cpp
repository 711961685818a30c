#include "proto/qmp/pci_tree.h"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace ivshmemd::qmp {
namespace {

// QOM trees are not this deep.
constexpr int deepest_tree = 24;

// QEMU's type PCI and those made from it.
bool is_pci_bus(std::string_view type) {
    if (type == "PCI" || type == "PCIE" || type == "CXL") return true;
    const bool expander = type.starts_with("pxb-") && type.ends_with("-bus");
    const bool board = type.starts_with("pnv-phb") && type.ends_with("-root");
    return expander || board;
}

bool is_express(std::string_view type) {
    return type != "PCI" && type != "pxb-bus";
}

class Walk {
  public:
    explicit Walk(QomMemo& memo) : memo_(memo) {}

    // Boards have their roots in the machine itself or in one of its devices. What is inside of
    // those is looked at only where there is none.
    std::vector<FoundBus> all() {
        visit("/machine", "", false, 0);
        const bool shallow_is_known = memo_.complete();
        if (found_.empty() && shallow_is_known) {
            seen_.clear();
            deep_ = true;
            visit("/machine", "", false, 0);
        }
        return std::move(found_);
    }

  private:
    const QomMemo::Listing& listing(const std::string& path, bool changes) {
        const bool plugged = path == peripheral || path == peripheral_anon;
        return changes || plugged ? memo_.list(path) : memo_.lasting_list(path);
    }

    // Whether there is a bus below it.
    bool visit(const std::string& path, const std::string& type, bool changes, int depth) {
        bool found = false;
        const bool shallow = depth == 0 || type == "container";
        if (depth > deepest_tree) return found;
        for (const QomEntry& child : listing(path, changes).children) {
            const std::string child_path = path + "/" + child.name;
            const std::string child_type(child.child_type());
            if (is_pci_bus(child_type)) {
                found_.push_back({child_path, child.name, child_type, path, type});
                visit(child_path, child_type, true, depth + 1);
                found = true;
            } else if (take_alike(child_path, child_type)) {
                found = true;
            } else if ((deep_ || shallow) && is_worth_a_look(child_type)) {
                const bool below = visit(child_path, child_type, false, depth + 1);
                if (below) memo_.fruitful.insert(child_type);
                if (below) learn(child_path, child_type);
                found = found || below;
            }
        }
        return found;
    }

    // The first of its type shows what the others are like.
    void learn(const std::string& path, const std::string& type) {
        const std::string id = id_of(path);
        if (id.empty() || memo_.alike.contains(type) || memo_.unlike.contains(type)) return;
        const QomMemo::Listing& listing = memo_.lasting_list(path);
        std::vector<std::string> buses;
        for (const QomEntry& each : listing.children) {
            if (is_pci_bus(each.child_type())) buses.push_back(each.name);
        }
        if (buses.size() == 1 && buses.front() == id) {
            memo_.alike.emplace(type, listing);
        } else {
            memo_.unlike.insert(type);
        }
    }

    // Asking for the bus tells whether it is there.
    bool take_alike(const std::string& path, const std::string& type) {
        const auto known = memo_.alike.find(type);
        const std::string id = id_of(path);
        if (known == memo_.alike.end() || id.empty()) return false;
        for (const QomEntry& each : known->second.children) {
            const std::string bus_type(each.child_type());
            if (!is_pci_bus(bus_type)) continue;
            const std::string bus = path + "/" + id;
            if (memo_.is_missing(bus)) {
                memo_.unlike.insert(type);
                memo_.alike.erase(type);
                return false;
            }
            found_.push_back({bus, id, bus_type, path, type});
            return true;
        }
        return false;
    }

    bool is_worth_a_look(const std::string& type) {
        if (type.ends_with("memory-region") || type == "irq" || type.ends_with("-cpu"))
            return false;
        const bool first = seen_.insert(type).second;
        return first || type == "container" || memo_.fruitful.contains(type);
    }

    QomMemo& memo_;
    bool deep_ = false;
    std::vector<FoundBus> found_;
    std::set<std::string> seen_;
};

BusKind kind_of(const QomMemo::Listing& owner, bool express) {
    if (!owner.has("addr")) return BusKind::root;
    const bool port = express && owner.has("chassis") && owner.has("slot");
    return port ? BusKind::port : BusKind::bridge;
}

BusFacts::Handler handler_of(QomMemo& memo, const FoundBus& bus) {
    const std::string* handler = as_string(memo.get(bus.path, "hotplug-handler"));
    if (!handler || handler->empty()) return BusFacts::Handler::none;
    if (*handler == bus.owner) return BusFacts::Handler::own;
    const bool acpi = memo.lasting_list(*handler).has_prefix("acpi-pci");
    return acpi ? BusFacts::Handler::acpi : BusFacts::Handler::other;
}

}  // namespace

std::vector<FoundBus> find_pci_buses(QomMemo& memo) {
    return Walk(memo).all();
}

void begin_search(QomMemo& memo) {
    memo.lasting_list("/machine");
    memo.lasting_list("/machine/unattached");
}

const QomMemo::Listing& owner_listing(QomMemo& memo, const FoundBus& bus) {
    const auto known = memo.alike.find(bus.owner_type);
    const bool alike = known != memo.alike.end() && !id_of(bus.owner).empty();
    return alike ? known->second : memo.lasting_list(bus.owner);
}

bool is_behind_device(QomMemo& memo, const FoundBus& bus) {
    return owner_listing(memo, bus).has("addr");
}

const FoundBus* parent_of(QomMemo& memo, const std::vector<FoundBus>& found, const FoundBus& bus) {
    const std::string* path = as_string(memo.lasting(bus.owner, "parent_bus"));
    const auto parent = std::find_if(found.begin(), found.end(), [&](const FoundBus& each) {
        return path && each.path == *path;
    });
    return parent == found.end() ? nullptr : &*parent;
}

BusFacts read_bus_facts(QomMemo& memo, const FoundBus& bus) {
    const QomMemo::Listing& owner = owner_listing(memo, bus);
    BusFacts facts;
    facts.express = is_express(bus.type);
    facts.kind = kind_of(owner, facts.express);
    facts.handler = handler_of(memo, bus);
    facts.acpi_selector = memo.list(bus.path).has("acpi-pcihp-bsel");
    const bool native = facts.handler == BusFacts::Handler::own;
    if (facts.kind != BusKind::port || !native) return facts;
    if (owner.has("hotplug")) {
        facts.port_hotplug = as_bool(memo.lasting(bus.owner, "hotplug"));
    }
    if (owner.has("power_controller_present")) {
        facts.power_controller = as_bool(memo.lasting(bus.owner, "power_controller_present"));
    }
    return facts;
}

std::set<int> read_occupied(QomMemo& memo, const FoundBus& bus, BusKind kind) {
    std::set<int> slots;
    // QOM tells the truth even before firmware; query-pci shows a bridge as empty.
    for (const std::string& link : memo.list(bus.path).links) {
        if (kind == BusKind::port) return {0};
        // A bus gives each link a number of its own, so that what is behind one stays.
        const std::string* device = as_string(memo.lasting(bus.path, link));
        if (!device) continue;
        const json* place = memo.lasting(*device, "addr", bus.path + "/" + link);
        if (const auto devfn = read_devfn(place)) slots.insert(*devfn / 8);
    }
    return slots;
}

std::string id_of(std::string_view path) {
    const std::string below = std::string(peripheral) + "/";
    if (!path.starts_with(below)) return "";
    const std::string_view id = path.substr(below.size());
    return id.find('/') == std::string_view::npos ? std::string(id) : "";
}

}  // namespace ivshmemd::qmp
