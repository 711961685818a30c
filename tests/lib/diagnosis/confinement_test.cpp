#include "lib/diagnosis/confinement.h"

#include <gmock/gmock.h>

namespace ivshmemd {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

constexpr const char* profile = "libvirt-1c5d0000-0000-4000-8000-000000000001";
constexpr const char* context = "system_u:system_r:svirt_t:s0:c392,c662";

struct LabelCase {
    std::string text;
    Confinement expected;
};

TEST(Confinement, IsReadAsTheKernelWordsIt) {
    using By = Confinement::By;
    const LabelCase cases[] = {
        {"", {}},
        {"\n", {}},
        {"_", {}},          // Smack
        {"what:this", {}},  // whatever it is
        {"(enforce)", {}},
        {"unconfined\n", {By::nothing, "unconfined"}},
        {"qemu (complain)\n", {By::nothing, "qemu (complain)"}},
        {"qemu (unconfined)", {By::nothing, "qemu (unconfined)"}},
        {"qemu (enforce)\n", {By::apparmor, "qemu"}},
        {"qe\x01mu (enforce)", {By::apparmor, "qe\\x01mu"}},
        {"qemu (kill)", {By::apparmor, "qemu"}},
        {"incus-a_</var/lib/incus> (enforce)", {By::apparmor, "incus-a_</var/lib/incus>"}},
        {"/usr/bin/my qemu (1) (enforce)", {By::apparmor, "/usr/bin/my qemu (1)"}},
        {"a//&:b:c (enforce)", {By::apparmor, "a//&:b:c"}},
        {context, {By::selinux, context}},
        {std::string(context) + '\0', {By::selinux, context}},
        {"a:b:svirt_t:s0 (complain)", {By::nothing, "a:b:svirt_t:s0 (complain)"}},
        {"u:r:unconfined_t:s0-s0:c0.c1023", {By::nothing, "u:r:unconfined_t:s0-s0:c0.c1023"}},
        {"u:r:initrc_t", {By::selinux, "u:r:initrc_t"}},
    };
    for (const LabelCase& each : cases) {
        EXPECT_EQ(read_confinement(each.text), each.expected) << each.text;
    }
}

DeniedOpen denied(const std::string& label) {
    return {.path = "/dev/shm/shm0",
            .mode = 0100660,
            .owner = 990,
            .user = 64055,
            .runs_as = 64055,
            .admitted = true,
            .pid = 17,
            .confinement = read_confinement(label)};
}

TEST(DeniedOpen, OfAProfileNamesTheRuleAndHowToLoadIt) {
    EXPECT_EQ(advise(denied(std::string(profile) + " (enforce)")),
              "AppArmor confines it by profile " + std::string(profile) +
                  ": put the line '/dev/shm/shm0 rw,' into "
                  "/etc/apparmor.d/local/abstractions/libvirt-qemu, then run apparmor_parser -r "
                  "/etc/apparmor.d/libvirt/" +
                  profile);
    EXPECT_EQ(advise(denied("/usr/bin/qemu (enforce)")),
              "AppArmor confines it by profile /usr/bin/qemu: put the line '/dev/shm/shm0 rw,' "
              "into that profile, and load it anew with apparmor_parser -r");
    DeniedOpen spaced = denied("qemu (enforce)");
    spaced.path = "/srv/a b/shm0";
    EXPECT_THAT(advise(spaced), HasSubstr("'\"/srv/a b/shm0\" rw,'"));
    spaced.confinement = read_confinement(context);
    EXPECT_THAT(advise(spaced), HasSubstr("chcon -t svirt_image_t '/srv/a b/shm0'"));
}

TEST(DeniedOpen, OfAContextNamesTheTypeOfTheFile) {
    EXPECT_EQ(advise(denied(context)), "SELinux confines it as " + std::string(context) +
                                           ": label the file, chcon -t svirt_tmpfs_t "
                                           "/dev/shm/shm0");
    DeniedOpen elsewhere = denied("a:b:svirt_tcg_t:s0");
    elsewhere.path = "/dev/hugepages/shm0";
    EXPECT_THAT(advise(elsewhere), HasSubstr("chcon -t svirt_image_t /dev/hugepages/shm0"));
    DeniedOpen made = denied(context);
    made.passing = true;
    EXPECT_THAT(advise(made), AllOf(HasSubstr("make the file before the attach and label it, "
                                              "chcon -t svirt_tmpfs_t /dev/shm/shm0"),
                                    HasSubstr("Confinement in ivshmem(7)")));
    EXPECT_THAT(advise(denied("a:b:qemu_t:s0")),
                AllOf(HasSubstr("ausearch -m avc"), Not(HasSubstr("chcon"))));
}

TEST(DeniedOpen, OfALabelThatNobodySawIsCalledUnknown) {
    EXPECT_EQ(advise(denied("")),
              "whether AppArmor or SELinux confines it cannot be seen from here (ps -o label -p "
              "17); if so, that needs a rule: Confinement in ivshmem(7)");
    DeniedOpen unseen = denied("");
    unseen.pid.reset();
    unseen.runs_as.reset();
    unseen.admitted = false;
    EXPECT_THAT(advise(unseen), AllOf(HasSubstr("setfacl -m u:64055:rw /dev/shm/shm0"),
                                      HasSubstr("; and whether AppArmor or SELinux")));
}

TEST(DeniedOpen, OfAnotherUserThanTheDaemonTakesItForNamesTheSetting) {
    DeniedOpen other = denied("unconfined");
    other.user = 0;
    EXPECT_EQ(advise(other),
              "QEMU runs as user 64055, and regions let in user 0 for this VM: set user = 64055 in "
              "its table of ivshmemd.toml");
}

TEST(DeniedOpen, OfAFileThatLetsNobodyInTellsItsMode) {
    DeniedOpen closed = denied("unconfined");
    closed.admitted = false;
    EXPECT_EQ(advise(closed),
              "/dev/shm/shm0 is of user 990, mode 0660, and lets user 64055 in by none of its "
              "owner, ACL and mode for others: setfacl -m u:64055:rw /dev/shm/shm0, unless a group "
              "does");
}

TEST(DeniedOpen, ThatNothingExplainsPointsAtWhatIsAround) {
    EXPECT_THAT(advise(denied("unconfined")), AllOf(HasSubstr("neither AppArmor nor SELinux"),
                                                    HasSubstr("namei -l"), HasSubstr("container")));
}

}  // namespace
}  // namespace ivshmemd
