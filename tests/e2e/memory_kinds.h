#pragma once

#include <filesystem>
#include <ostream>
#include <string>
#include <vector>

#include "tests/e2e/machine_state.h"
#include "tests/support/process.h"
#include "tests/support/qemu_vm.h"

// The kinds of memory that another manager may put behind a device.

namespace ivshmemd::test {

inline constexpr uint64_t mebibyte = 1 << 20;
inline constexpr int inherited_number = 63;

/// One kind, as arguments of -object; "{}" stands for a directory of the test's own.
struct MemoryKindCase {
    std::string name;
    std::string object;
    int oldest = 0;  // QEMU that has it
    std::string sharing = "shared";
    uint64_t offset = 0;
    bool readonly = false;
    std::string path = {};      // where its file is, the same way; empty without a name
    std::string region = {};    // its name, when it is listed with one device already
    std::string argument = {};  // what a destination is told of it; empty when it cannot be told

    friend void PrintTo(const MemoryKindCase& kind, std::ostream* out) { *out << kind.name; }
};

inline std::vector<MemoryKindCase> memory_kinds() {
    const std::string file = "memory-backend-file,share=on,size=1M,mem-path=";
    const std::string number = std::to_string(inherited_number);
    return {
        {.name = "file",
         .object = file + "{}/whole",
         .path = "{}/whole",
         .region = "whole",
         .argument = "size=1048576,mem-path={}/whole,share=on"},
        {.name = "secondWindow",
         .object = file + "{}/halves,offset=1M",
         .oldest = 8001,
         .offset = mebibyte,
         .path = "{}/halves",
         .region = "halves",
         .argument = "mem-path={}/halves,share=on,offset=1048576"},
        {.name = "readonly",
         .object = file + "{}/whole,readonly=on",
         .oldest = 6000,
         .readonly = true,
         .path = "{}/whole",
         .region = "whole"},
        {.name = "copy",
         .object = "memory-backend-file,share=off,size=1M,mem-path={}/whole",
         .sharing = "private",
         .path = "{}/whole",
         .argument = "mem-path={}/whole\n"},
        {.name = "link",
         .object = file + "{}/link",
         .path = "{}/whole",
         .region = "whole",
         .argument = "mem-path={}/link,share=on"},
        {.name = "descriptor",
         .object = file + "/proc/self/fd/" + number,
         .path = "{}/inherited",
         .region = "inherited"},
        {.name = "directory", .object = file + "{}"},
        {.name = "memfd", .object = "memory-backend-memfd,share=on,size=1M"},
        {.name = "ram", .object = "memory-backend-ram,share=on,size=1M"},
        {.name = "privateRam",
         .object = "memory-backend-ram,share=off,size=1M",
         .sharing = "private"},
        {.name = "shm", .object = "memory-backend-shm,share=on,size=1M", .oldest = 10000},
    };
}

/// A text of a kind, with the directory in it.
inline std::string in_directory(std::string text, const std::filesystem::path& directory) {
    for (size_t at = text.find("{}"); at != std::string::npos; at = text.find("{}")) {
        text.replace(at, 2, directory.string());
    }
    return text;
}

/// What the kinds stand on.
inline void make_files(const std::filesystem::path& directory) {
    make_file(directory / "whole", mebibyte);
    make_file(directory / "halves", 2 * mebibyte);
    make_file(directory / "inherited", mebibyte);
    std::filesystem::create_symlink(directory / "whole", directory / "link");
}

/// A machine with a device of that kind from its command line on.
inline VmOptions machine_with(const MemoryKindCase& kind, const std::filesystem::path& directory,
                              const std::string& name, const std::string& role) {
    const std::string redirect =
        "exec " + std::to_string(inherited_number) + "<>\"$0\"; exec \"$@\"";
    return {.name = name,
            .extra = {"-object", in_directory(kind.object, directory) + ",id=m0", "-device",
                      "ivshmem-plain,memdev=m0,id=theirs,addr=9,master=" + role},
            .launcher = {"bash", "-c", redirect, directory / "inherited"}};
}

}  // namespace ivshmemd::test
