#include "lib/model.h"

#include <gtest/gtest.h>

namespace ivshmemd {
namespace {

struct Row {
    Model model;
    std::string_view qom;
    std::string_view api;
};

constexpr Row table[] = {{Model::legacy, "ivshmem", "ivshmem"},
                         {Model::plain, "ivshmem-plain", "ivshmem_plain"},
                         {Model::doorbell, "ivshmem-doorbell", "ivshmem_doorbell"}};

TEST(Model, HasQemusNameAndTheApis) {
    for (const Row& row : table) {
        EXPECT_EQ(qom_type(row.model), row.qom);
        EXPECT_EQ(api_name(row.model), row.api);
        EXPECT_EQ(model_from_qom_type(row.qom), row.model);
        EXPECT_EQ(model_from_api_name(row.api), row.model);
    }
}

TEST(Model, IsAskedForWithDashesToo) {
    EXPECT_EQ(model_from_api_name("ivshmem-plain"), Model::plain);
    EXPECT_EQ(model_from_api_name("ivshmem-doorbell"), Model::doorbell);
}

TEST(Model, IsMatchedWhole) {
    for (const std::string_view word :
         {"", "ivshmem-flat", "ivshmem_flat", "ivshmem-common", "ivshmem-", "ivshmem-plain ",
          "ivshmem-plain2", "Ivshmem", "IVSHMEM-PLAIN", "plain", "doorbell", "shmem", "ivshme"}) {
        EXPECT_FALSE(model_from_qom_type(word)) << word;
        EXPECT_FALSE(model_from_api_name(word)) << word;
    }
}

TEST(Model, OfQemuIsNotSpelledWithUnderscores) {
    EXPECT_FALSE(model_from_qom_type("ivshmem_plain"));
    EXPECT_FALSE(model_from_qom_type("ivshmem_doorbell"));
}

}  // namespace
}  // namespace ivshmemd
