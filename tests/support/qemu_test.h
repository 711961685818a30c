#pragma once

#include <gtest/gtest.h>

#include <cstdlib>

#include "tests/support/qemu_vm.h"
#include "tests/support/temp_dir.h"

namespace ivshmemd::test {

/// Base of the tests with a real QEMU: skipped where there is none, or no guest, unless
/// IVSHMEMD_REQUIRE_QEMU is set, as it is in the CI.
class QemuTest : public ::testing::Test {
  protected:
    void SetUp() override {
        if (QemuVm::available() && QemuVm::guest_available()) return;
        if (std::getenv("IVSHMEMD_REQUIRE_QEMU")) FAIL() << "no QEMU or no guest: ./dev setup";
        GTEST_SKIP() << "no QEMU or no guest: ./dev setup";
    }

    TempDir dir_;                                 // sockets
    TempDir regions_ = TempDir::shared_memory();  // region files
};

}  // namespace ivshmemd::test
