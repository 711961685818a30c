#include "lib/resolve.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/lib/resolve_cases.h"

// Single rules of what model a request gets, and how a refusal is explained.

namespace ivshmemd {
namespace {

using test::detail;
using test::expect_explained;
using testing::ElementsAre;
using testing::IsEmpty;

Capabilities current_qemu() {
    Capabilities qemu;
    qemu.models = {Model::plain, Model::doorbell};
    qemu.version = {10, 0, 13};
    return qemu;
}

DeviceRequest bare_request() {
    DeviceRequest request;
    request.name = "bus0";
    return request;
}

TEST(Resolve, RefusesEachInterruptOptionWithoutAServer) {
    DeviceRequest vectors = bare_request();
    vectors.vectors = 1;
    DeviceRequest msi = bare_request();
    msi.msi = true;
    DeviceRequest ioeventfd = bare_request();
    ioeventfd.ioeventfd = false;
    for (const DeviceRequest& request : {vectors, msi, ioeventfd}) {
        const Result<Model> model = resolve_model(request, current_qemu());
        ASSERT_FALSE(model);
        EXPECT_EQ(model.error().kind, ErrorKind::config_unsupported);
        expect_explained(model.error());
    }
}

TEST(Resolve, TakesEachInterruptOptionWithAServer) {
    DeviceRequest request = bare_request();
    request.server = "/run/server.sock";
    request.vectors = 4;
    request.msi = true;
    request.ioeventfd = false;
    const Result<Model> model = resolve_model(request, current_qemu());
    ASSERT_TRUE(model) << model.error().message;
    EXPECT_EQ(*model, Model::doorbell);
}

TEST(Resolve, ChangesNothingInAQemuBefore31) {
    Capabilities qemu = current_qemu();
    qemu.version = {3, 0, 1};
    EXPECT_FALSE(resolve_model(bare_request(), qemu));
    qemu.version = {3, 1, 0};
    EXPECT_TRUE(resolve_model(bare_request(), qemu));
}

TEST(Resolve, SaysSoWhenAQemuHasNoModelAtAll) {
    Capabilities qemu = current_qemu();
    qemu.models.clear();
    const Result<Model> model = resolve_model(bare_request(), qemu);
    ASSERT_FALSE(model);
    ASSERT_EQ(model.error().kind, ErrorKind::model_not_supported);
    EXPECT_THAT(*detail<std::vector<std::string>>(model.error(), "supported"), IsEmpty());
    EXPECT_EQ(*detail<std::string>(model.error(), "model"), "ivshmem_plain");
}

TEST(Resolve, ListsWhatThereIsInsteadOfAMissingModel) {
    DeviceRequest request = bare_request();
    request.model = Model::legacy;
    const Result<Model> model = resolve_model(request, current_qemu());
    ASSERT_FALSE(model);
    ASSERT_EQ(model.error().kind, ErrorKind::model_not_supported);
    EXPECT_THAT(*detail<std::vector<std::string>>(model.error(), "supported"),
                ElementsAre("ivshmem_plain", "ivshmem_doorbell"));
}

TEST(DefaultModel, IsNoneWhereNoneFits) {
    Capabilities qemu = current_qemu();
    qemu.models = {Model::plain};
    EXPECT_EQ(default_model(qemu, false), Model::plain);
    EXPECT_EQ(default_model(qemu, true), std::nullopt);
    qemu.models = {Model::doorbell};
    EXPECT_EQ(default_model(qemu, false), std::nullopt);
    EXPECT_EQ(default_model(qemu, true), Model::doorbell);
}

}  // namespace
}  // namespace ivshmemd
