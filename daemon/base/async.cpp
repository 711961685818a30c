#include "daemon/base/async.h"

#include "daemon/base/log.h"

#include <boost/asio/co_spawn.hpp>

namespace ivshmemd {

void spawn(const Executor& executor, std::string name, awaitable<void> task) {
    boost::asio::co_spawn(executor, std::move(task),
                          [name = std::move(name)](const std::exception_ptr& failure) {
                              if (!failure) return;
                              try {
                                  std::rethrow_exception(failure);
                              } catch (const std::exception& error) {
                                  log_error({name, ": unexpected: ", error.what()});
                              }
                          });
}

}  // namespace ivshmemd
