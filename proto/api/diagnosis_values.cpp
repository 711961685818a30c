#include "proto/api/diagnosis_values.h"

#include <nlohmann/json.hpp>

namespace ivshmemd::api {

json spell_findings(const std::vector<Finding>& findings) {
    json array = json::array();
    for (const Finding& finding : findings) {
        json object = {{"kind", finding_kind_name(finding.kind)},
                       {"severity", finding_severity_name(finding.severity)},
                       {"text", finding.text},
                       {"mend", finding.mend}};
        if (finding.vm) object["vm"] = *finding.vm;
        if (finding.device) object["device"] = *finding.device;
        if (finding.region) object["region"] = *finding.region;
        array.push_back(std::move(object));
    }
    return array;
}

}  // namespace ivshmemd::api
