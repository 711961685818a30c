#include "daemon/libvirt/domain_names.h"

#include <gtest/gtest.h>

#include "lib/names.h"

namespace ivshmemd::libvirt {
namespace {

TEST(DomainNames, KeepsWhatIsAVmName) {
    for (const char* name : {"web", "a.b-c_d", "0"}) EXPECT_EQ(vm_name_of(name), name);
}

TEST(DomainNames, MakesAVmNameOfEveryOther) {
    EXPECT_EQ(vm_name_of("web server"), "web_server");
    EXPECT_EQ(vm_name_of("../etc/x"), "vm.._etc_x");
    EXPECT_EQ(vm_name_of("-a"), "vm-a");
    EXPECT_EQ(vm_name_of("caf\xc3\xa9"), "caf__");
    EXPECT_EQ(vm_name_of(std::string(80, 'n')), std::string(63, 'n'));
    for (int byte = 1; byte < 256; ++byte) {
        const std::string name(1, static_cast<char>(byte));
        EXPECT_TRUE(check_vm_name(vm_name_of(name))) << byte;
        EXPECT_TRUE(check_vm_name(vm_name_of(name + std::string(100, 'x')))) << byte;
    }
}

TEST(DomainNames, GivesANameToOneDomainAtATime) {
    DomainNames names;
    EXPECT_EQ(names.take("uuid-1", "a b"), "a_b");
    EXPECT_EQ(names.take("uuid-1", "a b"), "a_b");
    EXPECT_FALSE(names.take("uuid-2", "a_b"));
    EXPECT_EQ(names.owner("a_b"), "a b");
    names.give_back("uuid-2");
    EXPECT_FALSE(names.take("uuid-2", "a_b"));
    names.give_back("uuid-1");
    EXPECT_EQ(names.owner("a_b"), "");
    EXPECT_EQ(names.take("uuid-2", "a_b"), "a_b");
}

}  // namespace
}  // namespace ivshmemd::libvirt
