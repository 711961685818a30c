#pragma once

#include "tests/bench/report.h"

namespace ivshmemd::bench {

/// Attach and detach over the API and by ivshmemctl, against the same commands sent to an equal
/// QEMU by hand, in turns.
void measure_hotplug(Report& report);

/// One device for twelve machines in a transaction, against a program that sends the same commands
/// to twelve equal ones, to all at once; in turns.
void measure_transactions(Report& report);

/// How long a QEMU is silent while the daemon refuses bad doorbell servers, and what peers that
/// read nothing cost the others of an ivshmem-doorbell.
void measure_doorbells(Report& report);

/// The daemon as a process: start to READY, memory with one VM, wake-ups when idle.
void measure_process(Report& report);

/// What a VM's clients notice of a QEMU that floods or sends too much, of stopped ones, and of
/// strangers who mean harm.
void measure_calm(Report& report);

/// A thousand fake machines and 64 clients: attaches a second, CPU and memory of the daemon. Beside
/// the ivshmemd that IVSHMEMD_BENCH_AGAINST names, in turns.
void measure_scale(Report& report);

}  // namespace ivshmemd::bench
