#include <nlohmann/json.hpp>

#include "daemon/api/methods.h"
#include "daemon/base/accounts.h"
#include "daemon/fleet/region_list.h"
#include "daemon/vm/refresh.h"
#include "proto/api/values.h"

namespace ivshmemd {

awaitable<Result<Document>> list_regions(std::shared_ptr<CallContext> context) {
    co_await refresh_all_for_read(context->registry.all());
    json regions = json::array();
    for (const Region& region : list_regions(context->host, context->registry)) {
        regions.push_back(api::spell_region(region, user_name(region.facts.owner)));
    }
    co_return reply_of({{"regions", std::move(regions)}});
}

}  // namespace ivshmemd
