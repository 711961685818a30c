#include "daemon/region/process_memory.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "daemon/base/unique_fd.h"
#include "daemon/region/files.h"
#include "tests/support/root.h"
#include "tests/support/temp_dir.h"

namespace ivshmemd::test {
namespace {

constexpr std::uint64_t page = 4096;

/// This process stands for a QEMU that maps the second page of a file of four.
class ProcessMemoryTest : public testing::Test {
  protected:
    void SetUp() override {
        make(path_);
        file_ = UniqueFd(::open(path_.c_str(), O_RDWR | O_CLOEXEC));
        memory_ = map(file_.get(), MAP_SHARED);
        identity_ = *RegionFiles::identity(path_);
    }
    void TearDown() override { ::munmap(memory_, page); }

    static void make(const std::string& path) {
        std::ofstream(path) << "x";
        std::filesystem::resize_file(path, 4 * page);
    }
    static void* map(int fd, int flags) {
        void* memory = ::mmap(nullptr, page, PROT_READ | PROT_WRITE, flags, fd, page);
        EXPECT_NE(memory, MAP_FAILED);
        return memory;
    }
    static MemoryClaim claim(bool shared = true) { return {true, page, page, shared, false}; }
    static Mapping find(const std::string& path, const MemoryClaim& claim) {
        return ProcessMemory(::getpid()).find(path, claim);
    }
    std::string descriptor() const {
        return "/proc/" + std::to_string(::getpid()) + "/fd/" + std::to_string(file_.get());
    }

    TempDir directory_ = TempDir::shared_memory();
    std::string path_ = directory_ / "name with blanks";
    UniqueFd file_;
    void* memory_ = nullptr;
    RegionIdentity identity_;
};

TEST_F(ProcessMemoryTest, IsKnownByTheFileAndNotByItsName) {
    Mapping expected = whole_file(identity_, page);
    expected.offset = page;
    expected.verified = true;
    expected.path = expected.label = path_;
    EXPECT_EQ(find(path_, claim()), expected);
    std::filesystem::create_symlink(path_, directory_ / "link");
    EXPECT_EQ(find(directory_ / "link", claim()), expected);
    EXPECT_EQ(find("/proc/self/fd/" + std::to_string(file_.get()), claim()), expected);
    EXPECT_EQ(find("/dev/fd/" + std::to_string(file_.get()), claim()), expected);
    EXPECT_EQ(find(std::filesystem::relative(path_), claim()), expected);
}

TEST_F(ProcessMemoryTest, OfAFileThatLostItsNameIsFoundAtItsDescriptor) {
    make(directory_ / "new");
    std::filesystem::rename(directory_ / "new", path_);
    const Mapping mapping = find(path_, claim());
    EXPECT_EQ(mapping.file, identity_);
    EXPECT_TRUE(mapping.verified);
    EXPECT_EQ(mapping.path, descriptor());
    EXPECT_EQ(mapping.label, path_ + " (deleted)");
}

TEST_F(ProcessMemoryTest, ThatIsPrivateIsToldFromWhatIsShared) {
    EXPECT_TRUE(find(path_, claim(false)).shared) << "whatever QEMU says";
    void* copy = map(file_.get(), MAP_PRIVATE);
    EXPECT_FALSE(find(path_, claim(false)).shared);
    EXPECT_TRUE(find(path_, claim(true)).shared);
    ::munmap(copy, page);
}

TEST_F(ProcessMemoryTest, OfAnotherFileIsNotTheOneAtThePath) {
    make(directory_ / "other");
    const Mapping mapping = find(directory_ / "other", claim());
    EXPECT_EQ(mapping.kind, Mapping::Kind::unknown);
    EXPECT_TRUE(mapping.verified);
    MemoryClaim more = claim();
    more.size = 2 * page;
    EXPECT_EQ(find(path_, more).kind, Mapping::Kind::unknown) << "it maps less than that";
}

TEST_F(ProcessMemoryTest, WithoutAPathIsKnownWhereOneFileAloneHasItsSize) {
    const UniqueFd memfd(::memfd_create("frames", MFD_CLOEXEC));
    constexpr std::size_t size = 37 * page;
    ASSERT_EQ(::ftruncate(memfd.get(), size), 0);
    void* memory = ::mmap(nullptr, size, PROT_READ, MAP_SHARED, memfd.get(), 0);
    const Mapping mapping = find("", {false, 0, size, true, false});
    EXPECT_EQ(mapping.kind, Mapping::Kind::anonymous);
    EXPECT_EQ(mapping.label, "/memfd:frames (deleted)");
    struct stat status {};
    ASSERT_EQ(::fstat(memfd.get(), &status), 0);
    EXPECT_EQ(mapping.file.inode, status.st_ino);
    EXPECT_EQ(find("", {false, 0, size, false, false}).file, RegionIdentity()) << "not private";
    EXPECT_EQ(find("", {false, 0, 41 * page, true, false}).file, RegionIdentity());
    ::munmap(memory, size);
}

TEST_F(ProcessMemoryTest, InADirectoryHasNoName) {
    EXPECT_EQ(find(directory_.path(), claim()).kind, Mapping::Kind::anonymous);
}

TEST_F(ProcessMemoryTest, ThatIsSharedIsTheSameHoweverMuchIsRead) {
    const std::string other = directory_ / "other";
    make(other);
    const auto both = [&](const std::string& path, const MemoryClaim& wanted) {
        const Mapping whole = find(path, wanted);
        EXPECT_EQ(ProcessMemory(::getpid()).find_shared(path, wanted), whole) << path;
        return whole;
    };
    EXPECT_TRUE(both(path_, claim()).verified);
    EXPECT_FALSE(both(other, claim()).kind == Mapping::Kind::file) << "it is mapped nowhere";
    const MemoryClaim more{true, 0, 4 * page, true, false};
    EXPECT_FALSE(both(path_, more).kind == Mapping::Kind::file) << "not all of it is mapped";
    const UniqueFd file(::open(other.c_str(), O_RDWR | O_CLOEXEC));
    void* const copy = map(file.get(), MAP_PRIVATE);
    EXPECT_FALSE(both(other, claim()).shared);
    void* const shared = map(file.get(), MAP_SHARED);
    EXPECT_TRUE(both(other, claim()).shared) << "beside a copy";
    ::munmap(copy, page);
    ::munmap(shared, page);
    std::filesystem::remove(path_);
    EXPECT_NE(both(path_, claim()).label, path_) << "it has no name any more";
    ProcessMemory nobody(std::nullopt);
    EXPECT_EQ(nobody.find_shared(other, claim()), nobody.find(other, claim()));
}

TEST_F(ProcessMemoryTest, OfAProcessThatIsNotKnownIsAGuessByThePath) {
    ProcessMemory nobody(std::nullopt);
    EXPECT_FALSE(nobody.readable());
    const Mapping mapping = nobody.find(path_, claim());
    EXPECT_EQ(mapping.kind, Mapping::Kind::file);
    EXPECT_EQ(mapping.file, identity_);
    EXPECT_FALSE(mapping.verified);
    EXPECT_EQ(mapping.offset, page);
    // Here these would be files of this process.
    for (const std::string& path : {"/proc/self/fd/" + std::to_string(file_.get()),
                                    std::filesystem::relative(path_).string(), path_ + "-gone"}) {
        EXPECT_EQ(nobody.find(path, claim()).kind, Mapping::Kind::unknown) << path;
    }
}

TEST_F(ProcessMemoryTest, OfAProcessThatIsNotThereCannotBeTold) {
    EXPECT_EQ(mapped_files(0), std::nullopt);
    EXPECT_EQ(mapped_files(-1), std::nullopt);
}

// In a namespace of its own, and below another root: as in a container that was given a directory
// of this host.
class Elsewhere {
  public:
    explicit Elsewhere(const std::string& path) {
        int ends[2];
        if (::pipe(ends) != 0) return;
        child_ = ::fork();
        if (child_ == 0) ::_exit(map_there(path, ends[1]));
        ::close(ends[1]);
        char word = 0;
        ready_ = ::read(ends[0], &word, 1) == 1;
        ::close(ends[0]);
    }
    ~Elsewhere() {
        ::kill(child_, SIGKILL);
        ::waitpid(child_, nullptr, 0);
    }
    bool ready() const { return ready_; }
    pid_t pid() const { return child_; }

  private:
    int map_there(const std::string& path, int ready) const {
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);
        const std::string root = root_.path();
        const bool inside = ::unshare(CLONE_NEWNS) == 0 &&
                            ::mount("", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
                            ::mount("/", root.c_str(), nullptr, MS_BIND | MS_REC, nullptr) == 0 &&
                            ::chroot(root.c_str()) == 0;
        const int file = inside ? ::open(path.c_str(), O_RDWR | O_CLOEXEC) : -1;
        if (file < 0) return 1;
        void* memory = ::mmap(nullptr, page, PROT_READ | PROT_WRITE, MAP_SHARED, file, page);
        if (memory == MAP_FAILED || ::write(ready, "x", 1) != 1) return 1;
        while (true) ::pause();
    }

    TempDir root_;
    pid_t child_ = -1;
    bool ready_ = false;
};

TEST_F(ProcessMemoryTest, OfAProcessWithAnotherRootIsKnownByThePathThatBothHave) {
    if (lacks_root("only root can give a process a root of its own")) return;
    const Elsewhere process(path_);
    ASSERT_TRUE(process.ready());
    const Mapping mapping = ProcessMemory(process.pid()).find(path_, claim());
    EXPECT_EQ(mapping.file, identity_);
    EXPECT_EQ(mapping.path, path_);
}

}  // namespace
}  // namespace ivshmemd::test
