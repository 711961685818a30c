#pragma once

#include <filesystem>

#include "tests/bench/report.h"

namespace ivshmemd::bench {

struct Options {
    /// Thousands of rounds where otherwise hundreds do: for 99th percentiles.
    bool at_length = false;
    /// Another build's ivshmemd, for what can be measured of two daemons in turns; may be empty.
    std::filesystem::path against = {};
};

/// The daemon as a process: its size, start to READY, memory with one VM, wake-ups when idle.
void measure_process(Report& report, const Options& options);

/// Attach and detach over the API and by ivshmemctl, against the same commands sent to an equal
/// QEMU by hand, in turns.
void measure_hotplug(Report& report, const Options& options);

/// The first attach after the daemon has started, against a later one.
void measure_first(Report& report, const Options& options);

/// How long a machine with hundreds of devices takes to be read, against one with half of them.
void measure_large(Report& report, const Options& options);

/// One device for twelve machines in a transaction, against a program that sends the same commands
/// to twelve equal ones, to all at once; in turns.
void measure_transactions(Report& report, const Options& options);

/// The same for 32, and by a request for each, all at once; and with fake machines, against one of
/// them.
void measure_shared(Report& report, const Options& options);

/// How long a QEMU is silent while the daemon refuses bad doorbell servers, and what peers that
/// read nothing cost the others of an ivshmem-doorbell.
void measure_doorbells(Report& report, const Options& options);

/// What a peer that joins costs an ivshmem-doorbell of 1,000, against one of 100.
void measure_joins(Report& report, const Options& options);

/// What a VM's clients notice of a QEMU that floods or sends too much, of stopped ones, and of
/// strangers who mean harm.
void measure_calm(Report& report, const Options& options);

/// A thousand fake machines and 64 clients: attaches a second, CPU and memory of the daemon. Beside
/// another build, in turns.
void measure_scale(Report& report, const Options& options);

}  // namespace ivshmemd::bench
