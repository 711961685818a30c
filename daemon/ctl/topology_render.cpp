#include "daemon/ctl/topology_render.h"

#include <algorithm>
#include <set>
#include <string_view>

#include "daemon/ctl/console.h"
#include "daemon/ctl/table.h"
#include "daemon/ctl/wrap.h"

namespace ivshmemd::ctl {
namespace {

using Kind = SharedMemory::Kind;

std::string kind_text(Kind kind) {
    switch (kind) {
        case Kind::region:
            return "region";
        case Kind::server:
            return "server";
        case Kind::private_:
            return "no region or server";
    }
    return {};
}

std::string title(const SharedMemory& memory) {
    std::string text = kind_text(memory.kind);
    // Devices without a region or server share nothing, so they have no size in common.
    if (memory.kind == Kind::private_) return text;
    text += " " + memory.name;
    if (!memory.size.empty()) text += ", " + memory.size;
    if (memory.users.empty()) text += ", unused";
    return text;
}

// What is out of the ordinary about a device.
std::string note(const MemoryUser& user) {
    std::string text = user.state == "attached" ? "" : user.state;
    if (user.stale) text += text.empty() ? "stale" : ", stale";
    if (!user.window.empty()) text += (text.empty() ? "" : ", ") + user.window;
    if (!user.remark.empty()) text += (text.empty() ? "" : ", ") + user.remark;
    return text;
}

struct Widths {
    std::size_t name = 0;
    std::size_t role = 0;
    std::size_t model = 0;
    std::size_t note = 0;

    std::size_t of_line() const { return name + role + model + note + std::size_t{9}; }
};

std::string name_of(const MemoryUser& user) {
    return printable(user.vm + "/" + user.device);
}

// As in tables.
std::string shown(const std::string& text) {
    return text.empty() ? "-" : printable(text);
}

Widths widths_of(const std::vector<SharedMemory>& topology) {
    Widths widths;
    for (const SharedMemory& memory : topology) {
        for (const MemoryUser& user : memory.users) {
            widths.name = std::max(widths.name, text_width(name_of(user)));
            widths.role = std::max(widths.role, text_width(shown(user.role)));
            widths.model = std::max(widths.model, text_width(shown(user.model)));
            widths.note = std::max(widths.note, text_width(printable(note(user))));
        }
    }
    return widths;
}

std::string padded(std::string text, std::size_t width) {
    text.append(width - std::min(width, text_width(text)), ' ');
    return text;
}

void render_user(const MemoryUser& user, bool last, const Widths& widths, Console& console) {
    const std::string remark = note(user);
    console.out << (last ? "`- " : "|- ") << padded(name_of(user), widths.name) << "  "
                << padded(shown(user.role), widths.role) << "  ";
    if (remark.empty()) {
        console.out << shown(user.model);
    } else {
        console.out << padded(shown(user.model), widths.model) << "  ";
        print_toned(console, {remark, Tone::warn});
    }
    console.out << '\n';
}

// The same below each other, for a terminal that is too narrow.
void render_narrow_user(const MemoryUser& user, bool last, Console& console) {
    const auto put = [&](const char* branch, const std::string& text, Tone tone) {
        for (const std::string& line : wrapped(text, room_behind(console, 3))) {
            console.out << branch;
            print_toned(console, {line, tone});
            console.out << '\n';
            branch = last ? "   " : "|  ";
        }
    };
    const char* below = last ? "   " : "|  ";
    put(last ? "`- " : "|- ", name_of(user), Tone::plain);
    put(below, shown(user.role) + ", " + shown(user.model), Tone::plain);
    const std::string remark = printable(note(user));
    if (!remark.empty()) put(below, remark, Tone::warn);
}

// A string of the DOT language.
std::string dot_string(std::string_view text) {
    std::string result = "\"";
    for (const char c : printable(text)) {
        if (c == '"' || c == '\\') result += '\\';
        result += c;
    }
    return result + '"';
}

std::string node_of(const SharedMemory& memory) {
    return dot_string(kind_text(memory.kind) + " " + memory.name);
}

std::string node_of_vm(const std::string& vm) {
    return dot_string("VM " + vm);
}

void render_node(const SharedMemory& memory, Console& console) {
    const char* shape = memory.kind == Kind::server ? "component" : "cylinder";
    console.out << "  " << node_of(memory) << " [shape=" << shape
                << ", label=" << dot_string(title(memory)) << "];\n";
}

void render_edge(const SharedMemory& memory, const MemoryUser& user, Console& console) {
    std::string label = user.device + ", " + user.role;
    const std::string remark = note(user);
    if (!remark.empty()) label += ", " + remark;
    console.out << "  " << node_of_vm(user.vm) << " -- " << node_of(memory)
                << " [label=" << dot_string(label);
    const bool is_master = user.role == "master";
    if (is_master && !remark.empty()) console.out << ", style=\"bold,dashed\"";
    if (is_master && remark.empty()) console.out << ", style=bold";
    if (!is_master && !remark.empty()) console.out << ", style=dashed";
    console.out << "];\n";
}

}  // namespace

void render_tree(const std::vector<SharedMemory>& topology, Console& console) {
    const Widths widths = widths_of(topology);
    const bool narrow = console.out_width != 0 && widths.of_line() > console.out_width;
    for (const SharedMemory& memory : topology) {
        for (const std::string& line : wrapped(printable(title(memory)), console.out_width)) {
            print_heading(console, line);
        }
        for (const MemoryUser& user : memory.users) {
            const bool last = &user == &memory.users.back();
            if (narrow) {
                render_narrow_user(user, last, console);
            } else {
                render_user(user, last, widths, console);
            }
        }
    }
    if (topology.empty() && console.out_is_terminal) {
        console.out << "Nothing is shared. See 'ivshmemctl attach --help'.\n";
    }
}

void render_dot(const std::vector<SharedMemory>& topology, Console& console) {
    console.out << "graph ivshmem {\n  rankdir=LR;\n";
    std::set<std::string> vms;
    for (const SharedMemory& memory : topology) {
        if (memory.kind != Kind::private_) render_node(memory, console);
        for (const MemoryUser& user : memory.users) vms.insert(user.vm);
    }
    for (const std::string& vm : vms) {
        console.out << "  " << node_of_vm(vm) << " [shape=box, label=" << dot_string(vm) << "];\n";
    }
    for (const SharedMemory& memory : topology) {
        if (memory.kind == Kind::private_) continue;
        for (const MemoryUser& user : memory.users) render_edge(memory, user, console);
    }
    console.out << "}\n";
}

}  // namespace ivshmemd::ctl
