#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "proto/api/values.h"

// How the parameters of requests are read.

namespace ivshmemd::api {
namespace {

using testing::ElementsAre;

Result<DeviceRequest> read(json changes) {
    json parameters = {{"vm", "vm1"}, {"name", "bus0"}};
    parameters.update(changes);
    return read_device_request(parameters);
}

TEST(ReadDeviceRequest, FillsInNothing) {
    const Result<DeviceRequest> request = read(json::object());
    ASSERT_TRUE(request);
    EXPECT_EQ(request->name, "bus0");
    EXPECT_FALSE(request->size || request->model || request->role || request->region ||
                 request->server || request->vectors || request->msi || request->ioeventfd ||
                 request->bus || request->slot);
}

TEST(ReadDeviceRequest, TakesNullForNotGiven) {
    json nulls;
    for (const char* key : {"size", "model", "role", "region", "server", "vectors", "msi",
                            "ioeventfd", "bus", "slot", "dryRun"}) {
        nulls[key] = nullptr;
    }
    const Result<DeviceRequest> request = read(nulls);
    ASSERT_TRUE(request) << request.error().message;
    EXPECT_FALSE(request->size || request->model || request->role || request->region ||
                 request->server || request->vectors || request->msi || request->ioeventfd ||
                 request->bus || request->slot);
}

TEST(ReadDeviceRequest, ReadsEveryField) {
    const Result<DeviceRequest> request = read({{"size", 65536},
                                                {"model", "ivshmem_doorbell"},
                                                {"role", "master"},
                                                {"region", "shared"},
                                                {"server", "/run/server.sock"},
                                                {"vectors", 8},
                                                {"msi", true},
                                                {"ioeventfd", false},
                                                {"bus", "rp1"},
                                                {"slot", 0}});
    ASSERT_TRUE(request) << request.error().message;
    EXPECT_EQ(request->size, 65536U);
    EXPECT_EQ(request->model, Model::doorbell);
    EXPECT_EQ(request->role, Role::master);
    EXPECT_EQ(request->region, "shared");
    EXPECT_EQ(request->server, "/run/server.sock");
    EXPECT_EQ(request->vectors, 8U);
    EXPECT_EQ(request->msi, true);
    EXPECT_EQ(request->ioeventfd, false);
    EXPECT_EQ(request->bus, "rp1");
    EXPECT_EQ(request->slot, 0);
}

TEST(ReadDeviceRequest, TakesModelsWithDashesOrUnderscores) {
    for (const auto& [word, model] :
         {std::pair("ivshmem", Model::legacy), std::pair("ivshmem_plain", Model::plain),
          std::pair("ivshmem-plain", Model::plain), std::pair("ivshmem_doorbell", Model::doorbell),
          std::pair("ivshmem-doorbell", Model::doorbell)}) {
        const Result<DeviceRequest> request = read({{"model", word}});
        ASSERT_TRUE(request) << word;
        EXPECT_EQ(request->model, model);
    }
}

TEST(ReadDeviceRequest, TakesTheEndsOfEachRange) {
    EXPECT_EQ(read({{"slot", 0}})->slot, 0);
    EXPECT_EQ(read({{"slot", 31}})->slot, 31);
    EXPECT_EQ(read({{"vectors", 1}})->vectors, 1U);
    EXPECT_EQ(read({{"vectors", 2048}})->vectors, 2048U);
    EXPECT_EQ(read({{"size", INT64_MAX}})->size, static_cast<std::uint64_t>(INT64_MAX));
}

TEST(ReadDeviceRequest, LeavesTheSizeRuleToTheRegion) {
    for (const int size : {0, 1, 5000, 3 << 20}) {
        const Result<DeviceRequest> request = read({{"size", size}});
        ASSERT_TRUE(request);
        EXPECT_EQ(request->size, static_cast<std::uint64_t>(size));
    }
}

struct Bad {
    json changes;
    ErrorKind kind;
    std::string parameter;  // of InvalidParameter
};

TEST(ReadDeviceRequest, RefusesWhatIsOutOfItsRange) {
    const auto invalid = ErrorKind::invalid_parameter;
    for (const auto& [changes, kind, parameter] :
         std::vector<Bad>{{{{"name", ""}}, ErrorKind::bad_name, ""},
                          {{{"name", "0bus"}}, ErrorKind::bad_name, ""},
                          {{{"name", "a/b"}}, ErrorKind::bad_name, ""},
                          {{{"name", std::string(64, 'a')}}, ErrorKind::bad_name, ""},
                          {{{"region", ""}}, ErrorKind::bad_name, ""},
                          {{{"region", ".."}}, ErrorKind::bad_name, ""},
                          {{{"region", "../etc/passwd"}}, ErrorKind::bad_name, ""},
                          {{{"size", -1}}, ErrorKind::bad_size, ""},
                          {{{"size", -4096}}, ErrorKind::bad_size, ""},
                          {{{"size", INT64_MIN}}, ErrorKind::bad_size, ""},
                          {{{"model", "plain"}}, invalid, "model"},
                          {{{"model", "ivshmem-flat"}}, invalid, "model"},
                          {{{"model", "IVSHMEM"}}, invalid, "model"},
                          {{{"model", "e1000\x1b"}}, invalid, "model"},
                          {{{"role", "auto"}}, invalid, "role"},
                          {{{"role", "owner"}}, invalid, "role"},
                          {{{"role", "Master"}}, invalid, "role"},
                          {{{"slot", -1}}, invalid, "slot"},
                          {{{"slot", 32}}, invalid, "slot"},
                          {{{"slot", std::int64_t{1} << 32}}, invalid, "slot"},
                          {{{"vectors", 0}}, invalid, "vectors"},
                          {{{"vectors", -1}}, invalid, "vectors"},
                          {{{"vectors", 2049}}, invalid, "vectors"},
                          {{{"vectors", (std::int64_t{1} << 32) + 1}}, invalid, "vectors"}}) {
        const Result<DeviceRequest> request = read(changes);
        ASSERT_FALSE(request) << changes.dump();
        EXPECT_EQ(kind_name(request.error().kind), kind_name(kind)) << changes.dump();
        if (kind != invalid) continue;
        EXPECT_THAT(request.error().details, ElementsAre(ErrorDetail("parameter", parameter)));
    }
}

TEST(ReadDeviceRequest, RepeatsNoControlBytes) {
    const Result<DeviceRequest> request = read({{"model", "\x1b[31mred\n"}});
    ASSERT_FALSE(request);
    for (const char c : request.error().message) EXPECT_GE(static_cast<unsigned char>(c), 0x20);
}

TEST(ReadDeviceRequest, NeedsAName) {
    const Result<DeviceRequest> request = read_device_request({{"vm", "vm1"}});
    ASSERT_FALSE(request);
    EXPECT_EQ(request.error().kind, ErrorKind::bad_name);
}

TEST(ReadTimeout, IsTheGivenOneOrTheFallback) {
    EXPECT_EQ(*read_timeout_ms(json::object(), 30000), 30000);
    EXPECT_EQ(*read_timeout_ms({{"timeoutMs", nullptr}}, 30000), 30000);
    EXPECT_EQ(*read_timeout_ms({{"timeoutMs", 0}}, 30000), 0);
    EXPECT_EQ(*read_timeout_ms({{"timeoutMs", 1500}}, 30000), 1500);
}

TEST(ReadTimeout, IsNeitherNegativeNorEndless) {
    for (const std::int64_t timeout : {std::int64_t{-1}, INT64_MIN, INT64_MAX}) {
        const Result<std::int64_t> read = read_timeout_ms({{"timeoutMs", timeout}}, 30000);
        ASSERT_FALSE(read) << timeout;
        EXPECT_EQ(read.error().kind, ErrorKind::invalid_parameter);
        EXPECT_THAT(read.error().details,
                    ElementsAre(ErrorDetail("parameter", std::string("timeoutMs"))));
    }
}

}  // namespace
}  // namespace ivshmemd::api
