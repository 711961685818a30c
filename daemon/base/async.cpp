#include "daemon/base/async.h"

#include <boost/asio/co_spawn.hpp>

#include "daemon/base/log.h"

namespace ivshmemd {
namespace {

// False when something escaped.
bool log_failure(const std::string& name, const std::exception_ptr& failure) {
    if (!failure) return true;
    try {
        std::rethrow_exception(failure);
    } catch (const std::exception& error) {
        log_error({name, ": unexpected: ", error.what()});
    } catch (...) {
        log_error({name, ": unexpected"});
    }
    return false;
}

}  // namespace

void spawn(const Executor& executor, std::string name, awaitable<void> task, Ended ended) {
    boost::asio::co_spawn(
        executor, std::move(task),
        [name = std::move(name), ended = std::move(ended)](const std::exception_ptr& failure) {
            const bool well = log_failure(name, failure);
            if (ended) ended(!well);
        });
}

}  // namespace ivshmemd
