#pragma once

#include <filesystem>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

namespace ivshmemd::test {

/// A recorded conversation with a real QEMU (tests/transcripts), one exchange a line: "send" the
/// command, "recv" what came back, "then" the events that followed.
class Transcript {
  public:
    explicit Transcript(const std::filesystem::path& file);
    ~Transcript();
    Transcript(Transcript&&) noexcept;

    const nlohmann::json& greeting() const { return greeting_.front(); }

    /// The recorded messages for a command, events included; replies still carry their old id. The
    /// n-th question with equal arguments gets the n-th recorded answer, the last one ever after.
    /// None when it was never asked; with `any_arguments` another command of that name will do.
    std::optional<std::vector<nlohmann::json>> next(const std::string& command,
                                                    const nlohmann::json& arguments,
                                                    bool any_arguments = false);

  private:
    struct Answers;
    std::vector<nlohmann::json> greeting_;  // one element
    std::map<std::string, Answers> exact_, by_name_;
};

}  // namespace ivshmemd::test
