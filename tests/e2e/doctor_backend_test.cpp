#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "tests/e2e/doctor_fixture.h"
#include "tests/support/json_text.h"

// Memory of other managers: each fault is found, and mended by what its finding says.

namespace ivshmemd::test {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using testing::HasSubstr;
using testing::IsEmpty;

/// Memory of others that does not do what it is there for, until its VM is started as is said.
class DoctorOfBackends : public Doctor {
  protected:
    void start(const std::string& options) {
        vm_.reset();
        vm_.emplace(dir_.path(),
                    VmOptions{.name = "vm0",
                              .paused = true,
                              .extra = {"-object",
                                        "memory-backend-file,id=m0,size=1M,mem-path=" +
                                            region_file("theirs").string() + "," + options,
                                        "-device", "ivshmem-plain,memdev=m0,id=theirs"}});
    }
    void find_and_mend(const std::string& options, const std::string& kind,
                       const std::string& mended) {
        run(Command{{"fallocate", "-l", "1048576", region_file("theirs")}, {}, {}, {}});
        start(options);
        start_daemon({&*vm_});
        const json found(finding(kind));
        EXPECT_EQ(found["device"], "theirs");
        EXPECT_THAT(found["mend"], HasSubstr(mended));
        vm_->kill();
        ASSERT_TRUE(daemon_->wait_vm_state("vm0", "unreachable", soon()));
        start("share=on," + mended);
        wait_connected("vm0");
        EXPECT_THAT(summary(), IsEmpty());
    }

    std::optional<QemuVm> vm_;
};

TEST_F(DoctorOfBackends, FindsACopyThatNobodyShares) {
    find_and_mend("share=off", "privateMemory", "share=on");
}

TEST_F(DoctorOfBackends, FindsMemoryThatIsEmptiedAtTheEnd) {
    find_and_mend("share=on,discard-data=on", "discardedMemory", "discard-data=off");
}

/// The second half of a file of 2M, before the first start: no guest touches what is missing.
class DoctorOfWindows : public DoctorOfBackends {
  protected:
    static constexpr std::uintmax_t mebibyte = 1 << 20;

    void SetUp() override {
        Doctor::SetUp();
        if (IsSkipped() || HasFatalFailure()) return;
        if (QemuVm::installed_version() < 8001) GTEST_SKIP() << "QEMU 8.1 has windows";
        run(Command{{"fallocate", "-l", "2M", region_file("theirs")}});
        write_file(region_file("theirs"), 0, "not of the window");
        start("share=on,offset=1M");
        start_daemon({&*vm_});
        ASSERT_THAT(summary(), IsEmpty());
    }

    void expect_mended() {
        EXPECT_THAT(summary(), IsEmpty());
        EXPECT_EQ(fs::file_size(region_file("theirs")), 2 * mebibyte);
        EXPECT_EQ(read_file(region_file("theirs"), 0, 17), "not of the window");
        EXPECT_TRUE(vm_->alive());
        vm_->resume();
        reset_machine(*vm_);
        EXPECT_TRUE(vm_->alive());
    }
};

TEST_F(DoctorOfWindows, FindsOneThatReachesBeyondItsFile) {
    fs::resize_file(region_file("theirs"), mebibyte);
    const json found(finding("regionSize"));
    EXPECT_THAT(found["text"], HasSubstr("vm0/theirs maps it up to 2M"));
    mend(found);
    expect_mended();
}

TEST_F(DoctorOfWindows, FindsOneThatIsNotReserved) {
    fs::resize_file(region_file("theirs"), mebibyte);
    fs::resize_file(region_file("theirs"), 2 * mebibyte);
    const json found(finding("regionSparse"));
    EXPECT_THAT(found["text"], HasSubstr("1M are not reserved"));
    mend(found);
    expect_mended();
}

TEST_F(DoctorOfWindows, HasNothingAgainstAFileThatHasMore) {
    run(Command{{"fallocate", "-l", "4M", region_file("theirs")}});
    EXPECT_THAT(summary(), IsEmpty());
}

}  // namespace
}  // namespace ivshmemd::test
