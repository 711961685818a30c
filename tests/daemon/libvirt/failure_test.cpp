#include "daemon/libvirt/failure.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "daemon/libvirt/qemu_process.h"
#include "tests/support/temp_dir.h"

namespace ivshmemd::libvirt {
namespace {

TEST(LibvirtFailure, IsAnAnswerOnlyWhereQemuNeverSawTheCommand) {
    EXPECT_EQ(meaning_of(VIR_ERR_NO_SUPPORT), Meaning::refused);
    EXPECT_EQ(meaning_of(VIR_ERR_ACCESS_DENIED), Meaning::refused);
    EXPECT_EQ(meaning_of(VIR_ERR_OPERATION_TIMEOUT), Meaning::held);
    for (const int code : std::initializer_list<int>{
             VIR_ERR_OPERATION_FAILED, VIR_ERR_INTERNAL_ERROR, VIR_ERR_SYSTEM_ERROR, VIR_ERR_RPC,
             VIR_ERR_NO_DOMAIN, VIR_ERR_OPERATION_INVALID, 0, 9999}) {
        EXPECT_EQ(meaning_of(code), Meaning::unknown) << code;
    }
}

TEST(LibvirtFailure, TellsALibvirtThatPassesNoDescriptors) {
    EXPECT_THAT(descriptor_refusal(8001000).value_or(""), testing::HasSubstr("libvirt 8.1 passes"));
    EXPECT_FALSE(descriptor_refusal(8002000));
    EXPECT_FALSE(descriptor_refusal(9000000));
}

TEST(LibvirtFailure, NamesTheJobsThatAreInTheWay) {
    EXPECT_EQ(doing(VIR_DOMAIN_JOB_OPERATION_SAVE), "saving");
    EXPECT_EQ(doing(VIR_DOMAIN_JOB_OPERATION_MIGRATION_OUT), "migrating");
    EXPECT_EQ(doing(VIR_DOMAIN_JOB_OPERATION_BACKUP), "");
    EXPECT_EQ(doing(VIR_DOMAIN_JOB_OPERATION_UNKNOWN), "");
}

TEST(LibvirtProcess, ReadsLabelsOfOwners) {
    const auto owner = read_owner_label("+64055:+103");
    ASSERT_TRUE(owner);
    EXPECT_EQ(owner->uid, 64055U);
    EXPECT_EQ(owner->gid, 103U);
    EXPECT_EQ(read_owner_label("root:root")->uid, 0U);
    for (const char* none : {"", "+1", "libvirt-0c5b", "nobody-of-this-name:+1", "+1:+x"}) {
        EXPECT_FALSE(read_owner_label(none)) << none;
    }
}

TEST(Rights, ThatAreMissingAreSaidToBe) {
    const Failure missing[] = {
        {VIR_ERR_SYSTEM_ERROR, "Failed to connect socket to '/x': Permission denied"},
        {VIR_ERR_OPERATION_DENIED, "operation forbidden: read only access prevents this"},
        {VIR_ERR_ACCESS_DENIED, "access denied"},
        {VIR_ERR_AUTH_UNAVAILABLE, "authentication unavailable: no polkit agent available"},
        {VIR_ERR_AUTH_CANCELLED, "authentication cancelled"},
        {VIR_ERR_AUTH_FAILED, "authentication failed"},
    };
    for (const Failure& each : missing) {
        EXPECT_THAT(advise_on_rights(each), testing::HasSubstr("group libvirt")) << each.message;
    }
    EXPECT_EQ(advise_on_rights({VIR_ERR_SYSTEM_ERROR, "No such file or directory"}), "");
    EXPECT_EQ(advise_on_rights({VIR_ERR_NO_DOMAIN, "no domain"}), "");
}

TEST(Label, IsOfOwnersOrAsTheKernelWordsIt) {
    for (const char* label : {"+64055:+64055", "libvirt-qemu:kvm"}) {
        EXPECT_TRUE(is_owner_label(label)) << label;
    }
    for (const char* label : {"", ":", "libvirt-1c5d", "system_u:system_r:svirt_t:s0:c1,c2"}) {
        EXPECT_FALSE(is_owner_label(label)) << label;
    }
    EXPECT_EQ(kernel_label("", true), "");
    EXPECT_EQ(kernel_label("libvirt-1c5d", true), "libvirt-1c5d (enforce)");
    EXPECT_EQ(kernel_label("libvirt-1c5d", false), "libvirt-1c5d (complain)");
    EXPECT_EQ(kernel_label("a:b:svirt_t:s0", true), "a:b:svirt_t:s0");
    EXPECT_EQ(kernel_label("a:b:svirt_t:s0", false), "a:b:svirt_t:s0 (complain)");
}

class FoundQemu : public testing::Test {
  protected:
    void put(const std::string& pid, const std::string& command_line) {
        std::filesystem::create_directory(proc_.path() / pid);
        std::ofstream(proc_.path() / pid / "cmdline", std::ios::binary) << command_line;
    }
    static std::string qemu(const std::string& uuid) {
        return std::string("/usr/bin/qemu\0-uuid\0", 20) + uuid + std::string("\0-x\0", 4);
    }

    test::TempDir proc_;
};

TEST_F(FoundQemu, IsTheOneOfThatUuid) {
    put("11", qemu("uuid-1"));
    put("12", qemu("uuid-2"));
    put("self", qemu("uuid-2"));
    put("13", qemu("uuid-22"));
    put("14", std::string("x\0uuid-3\0", 9));
    EXPECT_EQ(find_qemu("uuid-2", std::nullopt, proc_.path()), 12);
    EXPECT_EQ(find_qemu("uuid-2", ::geteuid(), proc_.path()), 12);
    EXPECT_FALSE(find_qemu("uuid-2", ::geteuid() + 1, proc_.path()));
    EXPECT_FALSE(find_qemu("uuid-3", std::nullopt, proc_.path()));
    put("15", qemu("uuid-2"));
    EXPECT_FALSE(find_qemu("uuid-2", std::nullopt, proc_.path())) << "which of the two?";
}

}  // namespace
}  // namespace ivshmemd::libvirt
