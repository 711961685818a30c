#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "tests/e2e/migration_fixture.h"
#include "tests/support/json_text.h"

// Masters that others made, in ways this daemon has none of: a destination that is started with
// what qemu-args prints, and nothing else, takes them over. The sources do not run meanwhile.

namespace ivshmemd::test {
namespace {

using nlohmann::json;
using testing::HasSubstr;

class MigrationArguments : public MigrationFixture {
  protected:
    static constexpr std::uint64_t mebibyte = 1 << 20;

    std::filesystem::path file() const { return regions_ / "theirs"; }

    void add_master(const std::string& id, json backend, json device) {
        backend.update({{"id", id + "-memory"}, {"size", mebibyte}});
        const json added(source_->spy().execute("object-add", backend));
        ASSERT_TRUE(added.contains("return")) << added;
        device.update({{"driver", "ivshmem-plain"},
                       {"id", id},
                       {"memdev", id + "-memory"},
                       {"master", "on"}});
        source_->spy().call("device_add", device);
    }

    static void make_file(const std::filesystem::path& path, std::uint64_t size) {
        std::ofstream(path).flush();
        std::filesystem::resize_file(path, size);
    }

    /// Another file in its place, which the source does not have: as on another host.
    void replace_file(const std::filesystem::path& path) {
        const auto size = std::filesystem::file_size(path);
        std::filesystem::rename(path, path.string() + ".source");
        make_file(path, size);
        write_file(path, size - 5, "there");
    }

    void migrate_stopped(const std::vector<std::string>& arguments) {
        source_->pause();
        start_destination(arguments);
        const json reply = migrate(0, {});
        EXPECT_EQ(member(reply, "status"), "completed") << reply;
        EXPECT_EQ(member(destination_->spy().call("query-status"), "status"), "paused");
    }

    json refused() {
        return expect_ctl_error(*daemon_, {"qemu-args", "src"}, 9, "ConfigUnsupported");
    }
};

TEST_F(MigrationArguments, StartADestinationThatHasTheWindowOfItsSource) {
    if (QemuVm::installed_version() < 8001) {
        GTEST_SKIP() << "before QEMU 8.1 a backend begins where its file does";
    }
    start_source({});
    make_file(file(), 4 * mebibyte);
    write_file(file(), 2 * mebibyte + 64, "carried");
    add_master("w",
               {{"qom-type", "memory-backend-file"},
                {"mem-path", file().string()},
                {"share", true},
                {"offset", 2 * mebibyte}},
               {{"addr", "1e"}});
    const std::vector<std::string> arguments = qemu_args();
    ASSERT_EQ(arguments.size(), 4u);
    EXPECT_THAT(arguments[1], HasSubstr(",offset=2097152"));
    replace_file(file());
    migrate_stopped(arguments);
    EXPECT_EQ(read_file(file(), 2 * mebibyte + 64, 7), "carried");
    EXPECT_EQ(read_file(file(), 64, 7), std::string(7, '\0')) << "what is before it stays";
    EXPECT_EQ(read_file(file(), 4 * mebibyte - 5, 5), "there") << "and what is behind it";
}

TEST_F(MigrationArguments, StartADestinationThatHasTheFunctionsOfItsSource) {
    if (QemuVm::installed_version() < 5002) GTEST_SKIP() << "object-add is spelled otherwise";
    start_source({});
    for (const char* id : {"f1", "f0"}) {  // plugged while it runs, the first function comes last
        const std::string path = regions_ / id;
        make_file(path, mebibyte);
        write_file(path, 64, std::string("carried by ") + id);
        json place{{"addr", id == std::string("f0") ? "1e.0" : "1e.1"}};
        if (id == std::string("f0")) place["multifunction"] = true;
        // By another name in the migration, too.
        const std::string named = "x-use-canonical-path-for-ramblock-id";
        json backend{{"qom-type", "memory-backend-file"}, {"mem-path", path}, {"share", true}};
        backend.update({{"align", 2 * mebibyte}, {named, id == std::string("f0")}});
        add_master(id, backend, place);
    }
    const std::vector<std::string> arguments = qemu_args();
    ASSERT_EQ(arguments.size(), 8u);
    EXPECT_THAT(arguments[1], testing::EndsWith(",share=on,align=2097152,"
                                                "x-use-canonical-path-for-ramblock-id=on"));
    EXPECT_THAT(arguments[5], testing::EndsWith(",share=on,align=2097152"));
    EXPECT_THAT(arguments[3], testing::EndsWith(",addr=1e,multifunction=on"));
    EXPECT_THAT(arguments[7], testing::EndsWith(",addr=1e.1"));
    for (const char* id : {"f0", "f1"}) replace_file(regions_ / id);
    migrate_stopped(arguments);
    EXPECT_EQ(read_file(regions_ / "f0", 64, 13), "carried by f0");
    EXPECT_EQ(read_file(regions_ / "f1", 64, 13), "carried by f1");
}

TEST_F(MigrationArguments, AreNotNeededWhereAPlanNamesTheBackend) {
    if (QemuVm::installed_version() < 5002) GTEST_SKIP() << "object-add is spelled otherwise";
    start_source({});
    make_file(file(), mebibyte);
    write_file(file(), 64, "carried");
    add_master(
        "w", {{"qom-type", "memory-backend-file"}, {"mem-path", file().string()}, {"share", true}},
        {{"addr", "1e"}});
    const json plan = masters();
    ASSERT_EQ(member(plan.at(0), "backend"), "w-memory");
    source_->pause();
    replace_file(file());
    start_destination({});
    const json reply(call_api(*daemon_, "Replug", {{"vm", "dst"}, {"devices", plan}}));
    ASSERT_EQ(error_of(reply), "") << reply;
    EXPECT_TRUE(qom_names(*destination_).contains("w-memory"));
    EXPECT_EQ(member(migrate(0, {}), "status"), "completed");
    EXPECT_EQ(read_file(file(), 64, 7), "carried");
    EXPECT_TRUE(destination_->alive());
}

TEST_F(MigrationArguments, AreNoneForMemoryWithoutAFile) {
    if (QemuVm::installed_version() < 5002) GTEST_SKIP() << "object-add is spelled otherwise";
    start_source({});
    add_master("m", {{"qom-type", "memory-backend-memfd"}, {"share", true}}, json::object());
    EXPECT_THAT(member(refused(), "reason").get<std::string>(),
                HasSubstr("the memory of m, a memory-backend-memfd, has no file"));
}

// A QEMU that has a file which lost its name would get another one at its destination.
TEST_F(MigrationArguments, AreNoneForAFileThatWasReplaced) {
    start_source({});
    attach("m", "master");
    attach("n", "master");
    EXPECT_EQ(qemu_args().size(), 8u);
    std::filesystem::remove(region_file("n"));
    make_file(region_file("n"), mebibyte);
    EXPECT_THAT(member(refused(), "reason").get<std::string>(),
                HasSubstr("is not the file that is at " + region_file("n").string()));
    replace_file(region_file("m"));
    EXPECT_THAT(member(refused(), "reason").get<std::string>(),
                HasSubstr("is not the file that is at " + region_file("m").string()));
}

}  // namespace
}  // namespace ivshmemd::test
