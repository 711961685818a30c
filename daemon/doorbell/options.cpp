#include "daemon/doorbell/options.h"

#include <CLI/CLI.hpp>
#include <cstdlib>
#include <filesystem>

#include "daemon/base/accounts.h"
#include "daemon/base/log.h"
#include "daemon/doorbell/descriptor_limit.h"
#include "lib/names.h"
#include "lib/size.h"

namespace ivshmemd::doorbell {
namespace {

constexpr std::size_t description_column = 25;
constexpr unsigned default_max_vectors = 64;
constexpr unsigned most_vectors = 2048;  // that MSI-X has
constexpr mode_t most_mode = 0777;

// As given, not yet read.
struct Words {
    std::string mode = "0660";
    std::string size;
    std::string group;
    unsigned max_vectors = default_max_vectors;
    double patience_seconds = 10;
};

constexpr const char* description =
    "Lets virtual machines and host programs that share memory ring each other: the\n"
    "server for QEMU's ivshmem-doorbell devices (protocol version 0).";

constexpr const char* footer =
    "A restart: peers that are connected keep ringing each other through the eventfds\n"
    "they hold, with or without this server. But nobody can join them any more: a new\n"
    "server knows none of them, so each device must be detached and attached again,\n"
    "or its VM restarted.\n\n"
    "Peers trust each other: whoever may connect can write the memory, ring everybody\n"
    "and truncate a region file, which kills the VMs that map it. Memory without\n"
    "--region is sealed against that.\n\n"
    "Exit status: 0 after SIGTERM or SIGINT, 1 when it cannot serve, 2 for a wrong\n"
    "command line.";

Error wrong_usage(const std::string& message) {
    return Error(ErrorKind::invalid_parameter, message + "; see ivshmem-doorbell --help");
}

void declare_options(CLI::App& app, Options& options, Words& words) {
    app.add_option("--socket", options.socket, "Listen here, unless systemd passes a socket")
        ->type_name("PATH");
    app.add_option("--mode", words.mode, "Permissions of the socket")
        ->type_name("MODE")
        ->capture_default_str();
    app.add_option("--group", words.group, "Group of the socket and of a region made here")
        ->type_name("GROUP");
    app.add_option("--region", options.region,
                   "File that is the memory, made if missing;\n"
                   "default: sealed memory without a name")
        ->type_name("FILE");
    app.add_option("--size", words.size,
                   "Size of the memory, a power of two such as 64M;\n"
                   "default: that of the region file")
        ->type_name("SIZE");
    app.add_option("--vectors", options.vectors, "Interrupt vectors of each peer")
        ->type_name("N")
        ->capture_default_str();
    app.add_option("--max-vectors", words.max_vectors, "Highest number --vectors may ask for")
        ->type_name("N")
        ->capture_default_str();
    app.add_option("--peers", options.peers,
                   "Peers at a time, further ones are refused;\n"
                   "default: 256, or what the open files allow")
        ->type_name("N");
    app.add_option("--patience", words.patience_seconds,
                   "Seconds until a peer that does not read is dropped")
        ->type_name("SECONDS")
        ->capture_default_str();
    app.add_option("--log-level", options.log_level, "debug, info, warn, err, critical or off")
        ->type_name("LEVEL")
        ->capture_default_str();
}

Result<mode_t> read_mode(const std::string& text) {
    char* end = nullptr;
    const unsigned long mode = std::strtoul(text.c_str(), &end, 8);
    const bool digits = !text.empty() && text.find_first_not_of("01234567") == std::string::npos;
    if (!digits || mode > most_mode) return wrong_usage("--mode takes octal digits such as 0660");
    return static_cast<mode_t>(mode);
}

Result<void> read_words(const Words& words, Options& options) {
    const Result<mode_t> mode = read_mode(words.mode);
    if (!mode) return mode.error();
    options.mode = *mode;
    if (!words.size.empty()) {
        const Result<std::uint64_t> size = parse_region_size(words.size);
        if (!size) return wrong_usage("--size: " + size.error().message);
        options.size = *size;
    }
    if (!words.group.empty()) {
        options.group = group_id(words.group);
        if (!options.group) {
            return wrong_usage("--group: there is no group " + printable(words.group));
        }
    }
    // Written so that it refuses NaN as well.
    if (!(words.patience_seconds >= 0.001 && words.patience_seconds <= 1e6)) {
        return wrong_usage("--patience takes 0.001 to 1000000 seconds");
    }
    options.patience = Milliseconds(static_cast<long>(words.patience_seconds * 1000));
    return {};
}

Result<void> check_options(const Words& words, const Options& options) {
    if (words.max_vectors < 1 || words.max_vectors > most_vectors) {
        return wrong_usage("--max-vectors takes 1 to " + std::to_string(most_vectors));
    }
    if (options.vectors < 1 || options.vectors > words.max_vectors) {
        return wrong_usage("--vectors takes 1 to " + std::to_string(words.max_vectors) +
                           ", which --max-vectors raises");
    }
    if (options.peers && (*options.peers < 1 || *options.peers > most_peers)) {
        return wrong_usage("--peers takes 1 to " + std::to_string(most_peers));
    }
    if (options.socket && options.socket->empty()) return wrong_usage("--socket is empty");
    if (options.region && options.region->empty()) return wrong_usage("--region is empty");
    if (!options.region && !options.size) {
        return wrong_usage("--size is missing: without --region there is no file to take it from");
    }
    if (!is_log_level(options.log_level)) {
        return wrong_usage("unknown log level " + printable(options.log_level));
    }
    return {};
}

}  // namespace

Result<Options> read_options(int argc, const char* const* argv) {
    CLI::App app(description, "ivshmem-doorbell");
    app.footer(footer);
    app.get_formatter()->column_width(description_column);
    app.set_version_flag("--version", std::string("ivshmem-doorbell ") + IVSHMEMD_VERSION);
    Options options;
    Words words;
    declare_options(app, options, words);
    try {
        app.parse(argc, argv);
    } catch (const CLI::Success& request) {
        std::exit(app.exit(request));
    } catch (const CLI::ParseError& error) {
        return wrong_usage(error.what());
    }
    const Result<void> read = read_words(words, options);
    if (!read) return read.error();
    const Result<void> checked = check_options(words, options);
    if (!checked) return checked.error();
    return options;
}

}  // namespace ivshmemd::doorbell
