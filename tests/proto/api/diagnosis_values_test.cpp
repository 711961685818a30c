#include "proto/api/diagnosis_values.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace ivshmemd::api {
namespace {

TEST(DiagnosisValues, SpellFindings) {
    const json findings = spell_findings(
        {{FindingKind::never_mapped, FindingSeverity::warning, "web", "d", "r", "text", "mend"},
         {FindingKind::region_unused, FindingSeverity::note, std::nullopt, std::nullopt, "r", "t",
          "rm"}});
    EXPECT_EQ(findings, json::parse(R"([
        {"kind": "neverMapped", "severity": "warning", "vm": "web", "device": "d", "region": "r",
         "text": "text", "mend": "mend"},
        {"kind": "regionUnused", "severity": "note", "region": "r", "text": "t", "mend": "rm"}])"));
    EXPECT_EQ(spell_findings({}), json::array());
}

}  // namespace
}  // namespace ivshmemd::api
