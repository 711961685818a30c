#include "daemon/attach/denied.h"

#include <unistd.h>

#include <fstream>

#include "tests/daemon/vm/operation_fixture.h"

namespace ivshmemd::test {
namespace {

class DeniedAttach : public OperationFixture {
  protected:
    void refuse(const std::string& words) {
        pc_.on("object-add",
               [words](const json&) { return FakeQemu::error("GenericError", words); });
    }
};

TEST_F(DeniedAttach, SaysWhatToDoBehindQemusWords) {
    start();
    refuse("can't open backing store: Permission denied");
    const Result<Attached> attached = attach_now(request("x"));
    ASSERT_FALSE(attached);
    const std::string words =
        "QEMU refused object-add: GenericError: can't open backing store: Permission denied; ";
    EXPECT_TRUE(attached.error().message.starts_with(words)) << attached.error().message;
    EXPECT_GT(attached.error().message.size(), words.size());
    EXPECT_EQ(detail(attached.error(), "description"),
              "can't open backing store: Permission denied");
    EXPECT_FALSE(region_exists("x"));
}

TEST_F(DeniedAttach, AdvisesNothingForOtherWords) {
    start();
    refuse("can't open backing store: No such file or directory");
    const Result<Attached> attached = attach_now(request("x"));
    ASSERT_FALSE(attached);
    EXPECT_EQ(attached.error().message,
              "QEMU refused object-add: GenericError: can't open backing store: No such file or "
              "directory");
}

TEST(LabelInProc, IsAppArmorsOwnWhereThereIsOne) {
    const TempDir process;
    EXPECT_EQ(confinement_of(process.path()), Confinement()) << "not seen is not none";
    std::filesystem::create_directories(process / "attr/apparmor");
    std::ofstream(process / "attr/current") << "a:b:svirt_t:s0";
    EXPECT_EQ(confinement_of(process.path()).by, Confinement::By::selinux);
    std::ofstream(process / "attr/apparmor/current") << "libvirt-x (enforce)\n";
    EXPECT_EQ(confinement_of(process.path()),
              (Confinement{Confinement::By::apparmor, "libvirt-x"}));
}

TEST(LabelInProc, IsNoneWhereTheKernelKnowsOfNoLabels) {
    const std::string path = "/proc/self/attr/current";
    if (!std::filesystem::exists(path) || std::ifstream(path).get() != EOF) {
        GTEST_SKIP() << "this one may";
    }
    EXPECT_EQ(confinement_of("/proc/self").by, Confinement::By::nothing);
}

TEST(UserInProc, IsTheOneThatOpensFiles) {
    const TempDir process;
    EXPECT_FALSE(file_user_of(process.path()));
    std::ofstream(process / "status") << "Name:\tUid:\nUid:\t1\t2\t3\t4\nGid:\t5\t6\t7\t8\n";
    EXPECT_EQ(file_user_of(process.path()), 4u);
    EXPECT_EQ(file_user_of("/proc/self"), ::geteuid());
}

}  // namespace
}  // namespace ivshmemd::test
