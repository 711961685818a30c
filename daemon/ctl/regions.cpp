#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "daemon/ctl/command.h"
#include "daemon/ctl/console.h"
#include "daemon/ctl/field.h"
#include "daemon/ctl/table.h"

namespace ivshmemd::ctl {
namespace {

// "web/shm0:master, db/shm1:peer"; with what is out of the ordinary: "db/w:peer(64M-128M,readonly)"
std::string users_of(const json& region) {
    std::string text;
    for (const json& user : list_field(region, "users")) {
        if (!text.empty()) text += ", ";
        text += text_field(&user, "vm") + "/" + text_field(&user, "device") + ":" +
                text_field(&user, "role");
        std::string remarks = window_field(region, user);
        if (text_field(&user, "sharing") == "unverified") remarks += ",unverified";
        if (flag_field(&user, "readonly")) remarks += ",readonly";
        if (remarks.starts_with(',')) remarks.erase(0, 1);
        if (!remarks.empty()) text += "(" + remarks + ")";
    }
    return text;
}

// The users come last: there can be any number of them.
void render_regions(const json& reply, Console& console) {
    const json& regions = list_field(reply, "regions");
    Table table({"NAME", "SIZE", "OWNER", "MODE", "CREATED-BY-US", "USERS"});
    for (const json& region : regions) {
        table.add({{text_field(&region, "name")},
                   {size_field(&region, "size")},
                   {text_field(&region, "owner")},
                   {text_field(&region, "mode")},
                   {text_field(&region, "createdByUs")},
                   {users_of(region)}});
    }
    if (!regions.empty()) table.print(console);
    print_legend(console, regions.size(), "region", "'ivshmemctl attach' creates them.");
}

}  // namespace

Runner declare_regions(CLI::App& app) {
    app.footer(
        "Users are VM/DEVICE:ROLE. A region with a master moves with that VM's migration.\n"
        "Example: ivshmemctl regions");
    return [](Session& session) {
        const Answer answer = session.call("ListRegions", json::object(), "listing regions");
        return session.finish(answer, render_regions);
    };
}

}  // namespace ivshmemd::ctl
