#include "tests/lib/diagnosis/diagnosis_cases.h"

// What is found about devices that are out for a client.

namespace ivshmemd::test {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

HostFacts host_holding(HoldNote::Phase phase) {
    HostFacts host = host_of({healthy_vm()});
    host.holds = {{"db",
                   phase,
                   {"p", "q"},
                   "it left",
                   "ivshmemctl replug db",
                   "ivshmemctl replug db --forget"}};
    return host;
}

TEST(HoldDiagnosis, FindsDevicesThatNobodyBringsBack) {
    const HostFacts host = host_holding(HoldNote::Phase::out);
    const Finding finding = only_finding(diagnose(host));
    EXPECT_EQ(finding.kind, FindingKind::devices_out);
    EXPECT_EQ(finding.severity, FindingSeverity::warning);
    EXPECT_EQ(finding.vm, "db") << "which need not be looked after any more";
    EXPECT_EQ(finding.text, "p, q are out: it left");
    EXPECT_THAT(finding.mend, HasSubstr("'ivshmemctl replug db' plugs in again"));
    EXPECT_THAT(finding.mend, HasSubstr("'ivshmemctl replug db --forget' gives up"));
    EXPECT_EQ(diagnose(host, "db").size(), 1u);
    EXPECT_THAT(diagnose(host, "web"), IsEmpty());
}

TEST(HoldDiagnosis, CountsOneAsOne) {
    HostFacts host = host_holding(HoldNote::Phase::out);
    host.holds[0].devices = {"p"};
    EXPECT_EQ(only_finding(diagnose(host)).text, "p is out: it left");
}

TEST(HoldDiagnosis, FindsNothingInAHoldThatGoesOn) {
    for (const auto phase :
         {HoldNote::Phase::taking, HoldNote::Phase::held, HoldNote::Phase::returning}) {
        EXPECT_THAT(diagnose(host_holding(phase)), IsEmpty());
    }
}

}  // namespace
}  // namespace ivshmemd::test
