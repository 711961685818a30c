#include "lib/names.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace ivshmemd {
namespace {

using Check = Result<void> (*)(std::string_view);

const std::vector<std::string> names_for_all = {
    "a", "Z", "bus0", "a-b_c", "A9", "x--__--", std::string(63, 'n')};

const std::vector<std::string> names_for_none = {"",
                                                 std::string(64, 'n'),
                                                 std::string(4096, 'n'),
                                                 "-a",
                                                 "_a",
                                                 ".",
                                                 "..",
                                                 ".a",
                                                 "/",
                                                 "a/b",
                                                 "/a",
                                                 "a/",
                                                 "../a",
                                                 "a b",
                                                 " a",
                                                 "a ",
                                                 "a\n",
                                                 "a\t",
                                                 "\x1b[2J",
                                                 "a\x7f",
                                                 std::string("a\0b", 3),
                                                 std::string("\0", 1),
                                                 "a,b",
                                                 "a=b",
                                                 "a@b",
                                                 "a[0]",
                                                 "a`",
                                                 "a{",
                                                 "a$",
                                                 "a'",
                                                 "a\"",
                                                 "a\\",
                                                 "\xc3\xa4",
                                                 "a\xc3\xa4",
                                                 "a\xff",
                                                 "\xd0\xb0"};

void expect_refused(Check check, const std::string& name) {
    const Result<void> checked = check(name);
    ASSERT_FALSE(checked) << "'" << name << "'";
    EXPECT_EQ(checked.error().kind, ErrorKind::bad_name);
}

class EveryKindOfName : public testing::TestWithParam<Check> {};

TEST_P(EveryKindOfName, TakesLettersDigitsDashesAndUnderscores) {
    for (const std::string& name : names_for_all) EXPECT_TRUE(GetParam()(name)) << name;
}

TEST_P(EveryKindOfName, RefusesWhatIsNoIdOrFileName) {
    for (const std::string& name : names_for_none) expect_refused(GetParam(), name);
}

TEST_P(EveryKindOfName, TakesExactlyTheAsciiBytesOfItsRule) {
    for (int byte = 0; byte < 256; ++byte) {
        const char c = static_cast<char>(byte);
        const bool letter_or_digit =
            (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        const bool dot = c == '.' && GetParam() != check_device_name;
        const bool expected = letter_or_digit || c == '-' || c == '_' || dot;
        EXPECT_EQ(GetParam()(std::string{'a', c}).has_value(), expected) << byte;
    }
}

TEST_P(EveryKindOfName, ShowsARefusedNameWithoutItsControlBytes) {
    const Result<void> checked = GetParam()("evil\x1b]0;\x07\r\n");
    ASSERT_FALSE(checked);
    for (const char c : checked.error().message) EXPECT_GE(static_cast<unsigned char>(c), 0x20);
}

TEST_P(EveryKindOfName, ShowsOnlyTheBeginningOfAHugeName) {
    const Result<void> checked = GetParam()(std::string(60'000, 'x'));
    ASSERT_FALSE(checked);
    EXPECT_LT(checked.error().message.size(), 400U);
}

INSTANTIATE_TEST_SUITE_P(Names, EveryKindOfName,
                         testing::Values(check_device_name, check_region_name, check_vm_name));

TEST(Names, OfDevicesBeginWithALetterAndHaveNoDots) {
    for (const std::string name : {"0", "0a", "9bus", "a.b", "a."}) {
        expect_refused(check_device_name, name);
        EXPECT_TRUE(check_region_name(name)) << name;
    }
}

TEST(Names, OfRegionsMayBeginWithThatOfADirectory) {
    for (const std::string name : {"big:frames", "big:0.frames", "b-1:x"}) {
        EXPECT_TRUE(check_region_name(name)) << name;
        expect_refused(check_device_name, name);
        expect_refused(check_vm_name, name);
    }
    for (const std::string name : {":", "big:", ":x", "big:/x", "big:..", "big:.x", "0:x", "a:b:c",
                                   "../big:x", "big:sub/x"}) {
        expect_refused(check_region_name, name);
    }
}

TEST(Names, OfVmsMayBeginWithADigitAndHaveDots) {
    for (const std::string_view name : {"0", "9vm", "a.b", "a..b", "a.", "0.0.0.0"}) {
        EXPECT_TRUE(check_vm_name(name)) << name;
    }
}

TEST(Ids, AreMadeOfThePrefixTheNameAndThePurpose) {
    EXPECT_EQ(device_id("bus0"), "ivshmemd.bus0");
    EXPECT_EQ(chardev_id("bus0"), "ivshmemd.bus0.chr");
    EXPECT_EQ(backend_id("bus0"), "ivshmemd.bus0.mem");
    EXPECT_EQ(backend_id("bus0", 1), "ivshmemd.bus0.mem");
    EXPECT_EQ(backend_id("bus0", 2), "ivshmemd.bus0.mem.2");
    EXPECT_EQ(backend_id("bus0", 17), "ivshmemd.bus0.mem.17");
}

TEST(Ids, GiveTheNameBack) {
    for (const std::string& name : names_for_all) {
        EXPECT_EQ(name_of_device_id(device_id(name)), name);
        EXPECT_EQ(name_of_chardev_id(chardev_id(name)), name);
        for (const int generation : {1, 2, 9, 10, 123}) {
            EXPECT_EQ(name_of_backend_id(backend_id(name, generation)), name) << generation;
        }
    }
}

TEST(Ids, OfOnePurposeAreNotTakenForAnother) {
    EXPECT_FALSE(name_of_device_id("ivshmemd.a.mem"));
    EXPECT_FALSE(name_of_device_id("ivshmemd.a.mem.2"));
    EXPECT_FALSE(name_of_device_id("ivshmemd.a.chr"));
    EXPECT_FALSE(name_of_backend_id("ivshmemd.a"));
    EXPECT_FALSE(name_of_backend_id("ivshmemd.a.chr"));
    EXPECT_FALSE(name_of_chardev_id("ivshmemd.a"));
    EXPECT_FALSE(name_of_chardev_id("ivshmemd.a.mem"));
    EXPECT_FALSE(name_of_chardev_id("ivshmemd.a.chr.2"));
}

TEST(Ids, OfOthersHaveNoNameOfOurs) {
    for (const std::string& id :
         std::vector<std::string>{"",
                                  "a",
                                  "iv0",
                                  ".",
                                  "mem",
                                  ".mem",
                                  "2",
                                  ".2",
                                  "shm0.mem",
                                  "ivshmemd",
                                  "ivshmemd.",
                                  "ivshmemd..",
                                  "ivshmemd.mem",
                                  "ivshmemd..mem",
                                  "ivshmemd..mem.2",
                                  "ivshmemd.mem.2",
                                  "ivshmemd..chr",
                                  "ivshmemd.chr",
                                  "ivshmemd.a.mem.",
                                  "ivshmemd.a.mem.x",
                                  "ivshmemd.a.mem.2x",
                                  "ivshmemd.a.mem.-2",
                                  "ivshmemd.a.mem.2.3",
                                  "ivshmemd.a.memory",
                                  "ivshmemd.a.b.mem",
                                  "ivshmemd.0.mem",
                                  "ivshmemd.0",
                                  "ivshmemd.a b",
                                  "ivshmemd.a/b.mem",
                                  "ivshmemd." + std::string(64, 'n') + ".mem",
                                  "Ivshmemd.a.mem",
                                  "xivshmemd.a.mem",
                                  "ivshmemdxa.mem"}) {
        EXPECT_FALSE(name_of_backend_id(id)) << id;
        EXPECT_FALSE(name_of_chardev_id(id)) << id;
    }
    for (const std::string_view id :
         {"", "a", "iv0", "ivshmemd", "ivshmemd.", "ivshmemd..a", "ivshmemd.0", "ivshmemd.a b",
          "Ivshmemd.a", "xivshmemd.a", "ivshmemdxa", "ivshmemd.a.b"}) {
        EXPECT_FALSE(name_of_device_id(id)) << id;
    }
}

TEST(Printable, LeavesPlainTextAlone) {
    EXPECT_EQ(printable(""), "");
    EXPECT_EQ(printable("a B 9 ~!"), "a B 9 ~!");
    EXPECT_EQ(printable("gr\xc3\xbc\xc3\x9f"), "gr\xc3\xbc\xc3\x9f");
}

TEST(Printable, SpellsControlBytes) {
    EXPECT_EQ(printable(std::string_view("a\0b", 3)), "a\\x00b");
    EXPECT_EQ(printable("\x1b[2J\r\n\t"), "\\x1b[2J\\x0d\\x0a\\x09");
    EXPECT_EQ(printable("\x1f \x7f"), "\\x1f \\x7f");
}

TEST(Printable, CutsAfterItsLimitAndShowsThat) {
    EXPECT_EQ(printable("abc", 3), "abc");
    EXPECT_EQ(printable("abcd", 3), "abc...");
    EXPECT_EQ(printable("\x01\x02\x03", 2), "\\x01\\x02...");
    EXPECT_EQ(printable(std::string(10'000, 'a')), std::string(200, 'a') + "...");
}

}  // namespace
}  // namespace ivshmemd
