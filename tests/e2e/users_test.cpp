#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "tests/e2e/hotplug_test.h"
#include "tests/support/json_text.h"
#include "tests/support/root.h"

// A host as an operator would set it up: each QEMU runs as a user of its own, and the daemon as a
// third one, which is in the group of the monitors and has no other privilege.

namespace ivshmemd::test {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr uid_t alice = 61001, bob = 61002, keeper = 61003, outsider = 61004;
constexpr gid_t monitors = 61010, readers = 61011;

class Users : public HotplugTest {
  protected:
    void SetUp() override {
        if (lacks_root("only root can run programs as other users")) return;
        HotplugTest::SetUp();
        if (IsSkipped() || HasFatalFailure()) return;
        fs::permissions(dir_.path(), fs::perms(0755));
        fs::permissions(regions_.path(), fs::perms(01777));  // as /dev/shm is
        // Neither the tree nor the guest need be where everybody can look.
        publish(fs::path(IVSHMEMD_BIN_DIR) / "ivshmemd", "ivshmemd", 0755);
        publish(QemuVm::guest_dir() / "vmlinuz", "vmlinuz", 0644);
        publish(QemuVm::guest_dir() / "initramfs.cpio", "initramfs.cpio", 0644);
    }

    void publish(const fs::path& file, const std::string& name, int mode) {
        fs::copy_file(file, dir_ / name);
        fs::permissions(dir_ / name, fs::perms(mode));
    }

    /// A directory for the sockets of this user's QEMUs, which the group of the monitors may enter.
    fs::path monitor_dir(uid_t user) {
        const fs::path path = dir_ / std::to_string(user);
        fs::create_directory(path);
        EXPECT_EQ(::chown(path.c_str(), user, monitors), 0);
        fs::permissions(path, fs::perms(02770));  // what is made in it has its group
        return path;
    }

    VmOptions guest_of(uid_t user, std::string name) {
        return {.name = std::move(name),
                .guest = true,
                .launcher = as_user(user),
                .guest_files = dir_.path()};
    }

    void start_keeper(std::initializer_list<const QemuVm*> vms, const std::string& config,
                      const std::vector<gid_t>& groups = {monitors}) {
        std::ofstream(dir_ / "ivshmemd.toml") << config;
        start_daemon(vms, {.extra = {"--config", dir_ / "ivshmemd.toml"},
                           .user = keeper,
                           .groups = groups,
                           .program = dir_ / "ivshmemd"});
    }

    static bool can_open(const fs::path& file, uid_t user, const std::vector<gid_t>& groups = {}) {
        std::vector<std::string> command(as_user(user, groups));
        command.insert(command.end(), {"sh", "-c", ": <>\"$0\"", file});
        return run(Command{std::move(command)}).exit_code == 0;
    }

    /// What makes a QEMU that root started this user's, as its version spells it.
    static std::vector<std::string> given_to(uid_t user) {
        const std::string id = std::to_string(user) + ":" + std::to_string(user);
        if (QemuVm::installed_version() < 9001) return {"-runas", id};
        return {"-run-with", "user=" + id};
    }

    /// A region that another user made, readable and writable by all.
    void make_region(const std::string& name, uid_t owner) {
        make_file(region_file(name), 1 << 20);
        fs::permissions(region_file(name), fs::perms(0666));
        ASSERT_EQ(::chown(region_file(name).c_str(), owner, owner), 0);
    }

    bool guest_maps(QemuVm& vm) {
        return eventually(boot_deadline(),
                          [&] { return vm.guest("shm list").output.ends_with(" 1048576\n"); });
    }
};

TEST_F(Users, OfTwoMachinesShareARegionThatAThirdOneMade) {
    QemuVm first(monitor_dir(alice), guest_of(alice, "first"));
    QemuVm second(monitor_dir(bob), guest_of(bob, "second"));
    start_keeper({&first, &second}, "[region]\ngroup = \"" + std::to_string(readers) + "\"\n");
    EXPECT_EQ(member(find_vm(*daemon_, "first"), "pid"), first.pid());

    const json reply(expect_ctl_success(*daemon_, {"attach", "first", "a", "--region", "both",
                                                   "--size", "1M", "--role", "master"}));
    EXPECT_EQ(member(reply["device"], "region"), "both");
    struct stat status {};
    ASSERT_EQ(::stat(region_file("both").c_str(), &status), 0);
    EXPECT_EQ(status.st_uid, keeper);
    EXPECT_EQ(status.st_mode & 07777, 0660u);
    EXPECT_TRUE(can_open(region_file("both"), alice));
    EXPECT_FALSE(can_open(region_file("both"), bob)) << "he has no device of it yet";

    const json error(expect_ctl_error(
        *daemon_, {"attach", "second", "b", "--region", "both", "--role", "master"}, 6,
        "MasterExists"));
    EXPECT_EQ(member(error, "holder"), "first/a");
    EXPECT_FALSE(can_open(region_file("both"), bob)) << "a refusal grants nothing";
    expect_ctl_success(*daemon_, {"attach", "second", "b", "--region", "both"});
    EXPECT_TRUE(can_open(region_file("both"), bob));
    EXPECT_FALSE(can_open(region_file("both"), outsider));
    EXPECT_TRUE(can_open(region_file("both"), outsider, {readers})) << "[region] group";

    first.wait_guest_ready();
    second.wait_guest_ready();
    ASSERT_TRUE(guest_maps(first));
    ASSERT_TRUE(guest_maps(second));
    EXPECT_EQ(first.guest("shm write 4096 'from user to user'").status, 0);
    EXPECT_EQ(second.guest("shm read 4096 17").output, "from user to user");

    for (const auto& [vm, name] : {std::pair("first", "a"), std::pair("second", "b")}) {
        const json detached(expect_ctl_success(*daemon_, {"detach", vm, name, "--remove-region"}));
        EXPECT_EQ(member(detached, "result"), "removed");
        EXPECT_EQ(detached.contains("regionKept"), std::string_view(vm) == "first") << detached;
    }
    EXPECT_EQ(files_in(regions_.path()), std::set<std::string>{});
    EXPECT_EQ(qom_names(first), std::set<std::string>{});
    EXPECT_EQ(qom_names(second), std::set<std::string>{});
}

// The daemon cannot look into the QEMU of another user.
TEST_F(Users, ShareARegionOnlyWhereTheirQemuSeesIt) {
    QemuVm vm(monitor_dir(alice), {.name = "vm", .launcher = as_user(alice)});
    // As in a container: another file system where the regions are.
    std::vector<std::string> secluded{"unshare",
                                      "--mount",
                                      "bash",
                                      "-c",
                                      "mount -t tmpfs -o mode=1777 none \"$0\" && exec \"$@\"",
                                      regions_.path()};
    for (const std::string& word : as_user(bob)) secluded.push_back(word);
    QemuVm inside(monitor_dir(bob), {.name = "inside", .launcher = secluded});
    start_keeper({&vm, &inside}, "");
    const json reply(expect_ctl_success(*daemon_, {"attach", "vm", "x", "--size", "1M"}));
    EXPECT_EQ(reply["device"]["sharing"], "shared");
    EXPECT_EQ(reply["device"]["memoryPath"], region_file("x").string());

    const json before(machine_state(inside));
    const json error(expect_ctl_error(*daemon_, {"attach", "inside", "y", "--size", "1M"}, 1,
                                      "RegionUnavailable"));
    EXPECT_NE(member(error, "message").get<std::string>().find("it sees another file system"),
              std::string::npos);
    EXPECT_EQ(machine_state(inside), before);
    EXPECT_FALSE(fs::exists(region_file("y")));
    // Also where another VM has the region open.
    expect_ctl_error(*daemon_, {"attach", "inside", "z", "--region", "x"}, 1, "RegionUnavailable");
    EXPECT_EQ(machine_state(inside), before);
    EXPECT_EQ(files_in(regions_.path()), std::set<std::string>{"x"}) << "nothing else is left";
}

TEST_F(Users, OfTheGroupForReadingSeeEverythingAndChangeNothing) {
    publish(fs::path(IVSHMEMD_BIN_DIR) / "ivshmemctl", "ivshmemctl", 0755);
    const fs::path socket = dir_ / "reading" / "read.sock";
    fs::create_directory(socket.parent_path());
    ASSERT_EQ(::chown(socket.parent_path().c_str(), keeper, keeper), 0);
    QemuVm vm(monitor_dir(alice), {.name = "vm", .launcher = as_user(alice)});
    start_keeper({&vm},
                 "[daemon]\nread_socket = \"" + socket.string() + "\"\nread_group = \"" +
                     std::to_string(readers) + "\"\n",
                 {monitors, readers});
    expect_ctl_success(*daemon_, {"attach", "vm", "x", "--size", "1M"});
    const auto ask = [&](const std::vector<gid_t>& groups, std::vector<std::string> words) {
        std::vector<std::string> command(as_user(outsider, groups));
        command.insert(command.end(), {dir_ / "ivshmemctl", "--socket", socket});
        command.insert(command.end(), words.begin(), words.end());
        return run(Command{std::move(command)});
    };
    const auto listed = ask({readers}, {"list", "vm"});
    EXPECT_EQ(listed.exit_code, 0) << listed.err;
    EXPECT_NE(listed.out.find("attached"), std::string::npos) << listed.out;
    const auto refused = ask({readers}, {"detach", "vm", "x"});
    EXPECT_EQ(refused.exit_code, 4) << refused.err;
    EXPECT_NE(refused.err.find("for reading only"), std::string::npos) << refused.err;
    EXPECT_EQ(qom_names(vm), std::set<std::string>{"ivshmemd.x.mem"}) << "still there";
    EXPECT_NE(ask({}, {"list"}).exit_code, 0) << "who is not in the group";
}

TEST_F(Users, OwnTheRegionsOfOthersOnlyWhenTrusted) {
    QemuVm first(monitor_dir(alice), {.name = "first", .launcher = as_user(alice)});
    QemuVm second(monitor_dir(bob), {.name = "second", .launcher = as_user(bob)});
    make_region("of-alice", alice);
    make_region("of-root", 0);
    make_region("of-outsider", outsider);
    const auto attach = [&](const char* vm, const std::string& region) {
        return std::vector<std::string>{"attach", vm, region, "--region", region};
    };
    start_keeper({&first, &second}, "");
    // Whoever can truncate a region can kill the machine that maps it; his own he may.
    expect_ctl_success(*daemon_, attach("first", "of-alice"));
    expect_ctl_success(*daemon_, attach("second", "of-root"));
    for (const char* region : {"of-alice", "of-outsider"}) {
        expect_ctl_error(*daemon_, attach("second", region), 4,
                         "org.varlink.service.PermissionDenied");
    }
    expect_ctl_error(*daemon_, attach("first", "of-outsider"), 4,
                     "org.varlink.service.PermissionDenied");

    daemon_.reset();
    start_keeper({&first, &second}, "[trust]\nusers = [\"" + std::to_string(outsider) + "\"]\n");
    expect_ctl_success(*daemon_, attach("first", "of-outsider"));
    expect_ctl_success(*daemon_, attach("second", "of-outsider"));
    expect_ctl_error(*daemon_, attach("second", "of-alice"), 4,
                     "org.varlink.service.PermissionDenied");
    struct stat status {};
    ASSERT_EQ(::stat(region_file("of-outsider").c_str(), &status), 0);
    EXPECT_EQ(status.st_uid, outsider) << "nothing is given away";
}

TEST_F(Users, OfAMachineThatChangedItsUserAreNamedInTheConfiguration) {
    // Its monitor was opened by root, so the socket tells of root.
    const fs::path sockets = monitor_dir(bob);
    const std::string id = std::to_string(bob);
    QemuVm vm(sockets, {.name = "vm0",
                        .extra = given_to(bob),
                        .launcher = {"sh", "-c", "umask 0007 && exec \"$0\" \"$@\""}});
    start_keeper({&vm}, "");
    const json error(
        expect_ctl_error(*daemon_, {"attach", "vm0", "a", "--size", "1M"}, 8, "QemuError"));
    EXPECT_EQ(member(error, "command"), "object-add") << error;
    EXPECT_EQ(files_in(regions_.path()), std::set<std::string>{});
    EXPECT_EQ(qom_names(vm), std::set<std::string>{});

    daemon_.reset();
    start_keeper({}, "[[vm]]\nname = \"vm0\"\nqmp = \"" + vm.qmp_socket().string() +
                         "\"\nuser = \"" + id + "\"\n");
    wait_connected("vm0");
    expect_ctl_success(*daemon_, {"attach", "vm0", "a", "--size", "1M"});
    EXPECT_TRUE(can_open(region_file("a"), bob));
    EXPECT_FALSE(can_open(region_file("a"), alice));
}

}  // namespace
}  // namespace ivshmemd::test
