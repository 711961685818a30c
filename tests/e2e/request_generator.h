#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <random>
#include <string>
#include <vector>

namespace ivshmemd::test {

/// One call of the API; `method` without its interface.
struct Request {
    std::string method;
    std::vector<nlohmann::json> parameters;  // one element, which JSON keeps from being a member
    bool more = false;

    const nlohmann::json& arguments() const { return parameters.front(); }
};

/// Makes up calls of all methods with all options: about half of the attaches and most detaches can
/// succeed, the rest have something wrong with them. The same seed gives the same requests for the
/// same devices.
class RequestGenerator {
  public:
    /// `vms` by name; those with root ports take no region of more than a port's window.
    RequestGenerator(uint64_t seed, std::vector<std::string> vms, std::string nowhere);

    /// A request that fits what there is: the devices ListDevices tells of.
    Request next(const nlohmann::json& devices);

    /// What every region of this name is made with, in bytes.
    static uint64_t size_of(const std::string& region);

  private:
    template <typename T>
    const T& one_of(const std::vector<T>& choices) {
        return choices[below(choices.size())];
    }
    uint64_t below(uint64_t limit) { return random_() % limit; }
    bool chance(uint64_t percent) { return below(100) < percent; }

    nlohmann::json good_attach(const nlohmann::json& devices);
    nlohmann::json odd_attach(const nlohmann::json& devices);
    nlohmann::json detach(const nlohmann::json& devices);
    nlohmann::json migrate();
    nlohmann::json replug(const nlohmann::json& devices);
    Request nonsense(const nlohmann::json& devices);
    nlohmann::json vm_only();

    std::mt19937_64 random_;
    std::vector<std::string> vms_;
    std::string nowhere_;  // a path where nobody listens
};

}  // namespace ivshmemd::test
