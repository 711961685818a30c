#include "daemon/ctl/suggestion.h"

#include <gtest/gtest.h>

namespace ivshmemd::ctl {
namespace {

TEST(CtlSuggestion, FindsWhatIsAFewSlipsAway) {
    const std::vector<std::string> words{"attach", "detach", "list", "version", "vms"};
    EXPECT_EQ(closest("atach", words), "attach");   // a letter missing
    EXPECT_EQ(closest("liist", words), "list");     // one too many
    EXPECT_EQ(closest("lost", words), "list");      // a wrong one
    EXPECT_EQ(closest("dteach", words), "detach");  // two swapped
    EXPECT_EQ(closest("ver", words), "version");    // the only one that starts so
}

TEST(CtlSuggestion, FindsNothingAmongWhatIsFar) {
    const std::vector<std::string> words{"attach", "detach", "list"};
    EXPECT_EQ(closest("frobnicate", words), "");
    EXPECT_EQ(closest("", words), "");
    EXPECT_EQ(closest("xy", words), "");
    EXPECT_EQ(closest(std::string(100'000, 'a'), words), "");
    EXPECT_EQ(closest("attach", {}), "");
}

}  // namespace
}  // namespace ivshmemd::ctl
