#include "lib/diagnosis/diagnosis.h"

#include <set>

#include "tests/lib/diagnosis/diagnosis_cases.h"

namespace ivshmemd::test {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

Region region_of(const std::string& name, std::vector<RegionUser> users) {
    return {"/dev/shm/" + name, {true, 0100660, 400, megabyte}, std::move(users), true};
}

std::vector<std::string> subjects(const std::vector<Finding>& findings) {
    std::vector<std::string> subjects;
    for (const Finding& each : findings) {
        subjects.push_back(each.vm.value_or("") + "/" + each.device.value_or("") + "/" +
                           each.region.value_or(""));
    }
    return subjects;
}

/// Two VMs with a device each and faults of every severity.
HostFacts troubled_host() {
    VmFacts web = healthy_vm("web");
    web.devices = {region_device("a")};
    web.devices[0].device.guest_mapped = false;
    VmFacts db = healthy_vm("db");
    db.devices = {region_device("b")};
    db.devices[0].match = PathMatch::elsewhere;
    HostFacts host = host_of({db, web});
    host.regions = {region_of("a", {{"web", "a", Role::peer}}),
                    region_of("b", {{"db", "b", Role::peer}}), region_of("old", {})};
    host.regions[0].facts.mode = 0100666;
    return host;
}

TEST(Diagnosis, FindsNothingWhereNothingIsWrong) {
    VmFacts vm = healthy_vm();
    vm.devices = {region_device("shm0")};
    HostFacts host = host_of({vm});
    host.regions = {region_of("shm0", {{"web", "shm0", Role::peer}})};
    EXPECT_THAT(diagnose(host), IsEmpty());
}

TEST(Diagnosis, HasTheGravestFirst) {
    EXPECT_THAT(subjects(diagnose(troubled_host())),
                ElementsAre("db/b/b", "//a", "web/a/a", "//old"));
}

TEST(Diagnosis, OfOneVmIsAboutItAndTheRegionsItUses) {
    EXPECT_THAT(subjects(diagnose(troubled_host(), "web")), ElementsAre("//a", "web/a/a"));
    EXPECT_THAT(subjects(diagnose(troubled_host(), "db")), ElementsAre("db/b/b"));
}

TEST(Diagnosis, SaysForEverythingWhatItIsAndHowToMendIt) {
    for (const Finding& each : diagnose(troubled_host())) {
        EXPECT_NE(each.text, "");
        EXPECT_NE(each.mend, "");
    }
}

TEST(Diagnosis, HasAWordForEveryKindAndSeverity) {
    // The compiler sees to it that each has one, the interface's test that each of them is
    // published there: here they are to differ. Behind the last there is none.
    std::set<std::string_view> words;
    int kind = 0;
    for (std::string_view word; (word = finding_kind_name(FindingKind(kind))) != ""; ++kind) {
        EXPECT_TRUE(words.insert(word).second) << word;
    }
    EXPECT_GT(kind, static_cast<int>(FindingKind::two_masters));
    EXPECT_EQ(finding_severity_name(FindingSeverity::problem), "problem");
    EXPECT_EQ(finding_severity_name(FindingSeverity::warning), "warning");
    EXPECT_EQ(finding_severity_name(FindingSeverity::note), "note");
}

}  // namespace
}  // namespace ivshmemd::test
