#include <cerrno>

#include "tests/lib/diagnosis/diagnosis_cases.h"

// What is found about the places of regions.

namespace ivshmemd::test {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

HostFacts host_with(const Place& place) {
    HostFacts host = host_of({healthy_vm()});
    host.places = {place};
    return host;
}

TEST(PlaceDiagnosis, FindsADirectoryThatTheServiceMayNotWriteTo) {
    EXPECT_THAT(diagnose(host_with({"big", "/huge"})), IsEmpty());
    const HostFacts host = host_with({"big", "/huge", false, EROFS});
    const Finding finding = only_finding(diagnose(host));
    EXPECT_EQ(finding.kind, FindingKind::place_unusable);
    EXPECT_EQ(finding.severity, FindingSeverity::problem);
    EXPECT_EQ(finding.region, std::nullopt);
    EXPECT_THAT(finding.text, HasSubstr("/huge (big), cannot be used"));
    EXPECT_THAT(finding.mend, HasSubstr("ReadWritePaths=/huge; then systemctl restart ivshmemd"));
    EXPECT_THAT(diagnose(host, "web"), IsEmpty()) << "it is no VM's";
}

TEST(PlaceDiagnosis, FindsADeviceThatTheServiceDoesNotSee) {
    const Finding hidden =
        only_finding(diagnose(host_with({"kvmfr0", "/dev/kvmfr0", true, ENOENT})));
    EXPECT_EQ(hidden.severity, FindingSeverity::problem);
    EXPECT_EQ(hidden.region, "kvmfr0");
    EXPECT_THAT(hidden.mend, HasSubstr("PrivateDevices=no"));
    const Finding closed =
        only_finding(diagnose(host_with({"kvmfr0", "/dev/kvmfr0", true, EPERM})));
    EXPECT_EQ(closed.severity, FindingSeverity::warning) << "QEMU can open it all the same";
    EXPECT_THAT(closed.mend, HasSubstr("DeviceAllow=/dev/kvmfr0 rw"));
}

}  // namespace
}  // namespace ivshmemd::test
