#include <nlohmann/json.hpp>

#include "daemon/api/methods.h"
#include "daemon/vm/inventory_reader.h"
#include "daemon/vm/refresh.h"
#include "proto/api/migration_values.h"
#include "proto/qmp/command_line.h"

namespace ivshmemd {

awaitable<Result<Document>> qemu_arguments(std::shared_ptr<CallContext> context) {
    const Result<std::shared_ptr<Vm>> vm = find_vm(*context);
    if (!vm) co_return vm.error();
    co_await refresh_for_read(*vm);
    if (const auto unavailable = (*vm)->unavailable()) co_return *unavailable;
    const std::shared_ptr<qmp::Session> session = (*vm)->session();
    const Inventory inventory = (*vm)->inventory();  // as it is now, whatever comes meanwhile
    qmp::ReceiverQuery query(inventory);
    while (true) {
        std::vector<qmp::Question> questions = query.next();
        if (questions.empty()) break;
        const std::string missing =
            co_await ask(session, std::move(questions), context->host.deadlines.query);
        if (!missing.empty()) co_return unread(missing);
        if (!query.fault().empty()) co_return unread(query.fault());
    }
    const Result<qmp::ReceiverStart> start = qmp::receiver_arguments(inventory, query.result());
    if (!start) co_return start.error();
    json reply{{"arguments", start->arguments}};
    for (const DeviceSpec& spec : start->left_out) {
        reply["leftOut"].push_back(api::spell_spec(spec));
    }
    co_return reply_of(std::move(reply));
}

}  // namespace ivshmemd
