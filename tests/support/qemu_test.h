#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <string>

#include "tests/support/qemu_vm.h"
#include "tests/support/temp_dir.h"

namespace ivshmemd::test {

/// Base of the tests with a real QEMU: skipped where "none" is to be run, and where there is none,
/// or no guest, unless IVSHMEMD_REQUIRE_QEMU is set, as it is in the CI.
class QemuTest : public ::testing::Test {
  protected:
    void SetUp() override { require_qemu("x86_64"); }

    /// `guest`: whether the test boots one.
    static void require_qemu(const std::string& architecture, bool guest = true) {
        if (QemuVm::binary(architecture) == "none") {
            GTEST_SKIP() << "no QEMU of " << architecture << " is to be run";
        }
        const bool has_guest = !guest || QemuVm::guest_available(architecture);
        if (QemuVm::available(architecture) && has_guest) return;
        const std::string missing = guest ? "no QEMU or no guest of " : "no QEMU of ";
        const std::string why = missing + architecture + ": ./dev setup";
        if (std::getenv("IVSHMEMD_REQUIRE_QEMU")) FAIL() << why;
        GTEST_SKIP() << why;
    }

    TempDir dir_;                                 // sockets
    TempDir regions_ = TempDir::shared_memory();  // region files
};

}  // namespace ivshmemd::test
