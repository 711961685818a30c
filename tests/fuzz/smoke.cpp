// Runs every target on its seeds and on what becomes of them when bytes are changed, taken out,
// repeated and cut off; the same each time. Finds less than a fuzzer, wherever there is a compiler.
//
//   fuzz_smoke SEEDS-DIRECTORY [TARGET]

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>

#include "tests/fuzz/input.h"

namespace {

namespace fs = std::filesystem;
using ivshmemd::test::FuzzTarget;

constexpr int changes_of_a_seed = 300;
constexpr std::size_t longest = 4096;  // of a changed one

std::string read(const fs::path& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

void change(std::string& text, std::minstd_rand& random) {
    if (text.empty()) return;
    const std::size_t place = random() % text.size();
    const std::size_t length = 1 + random() % 8;
    switch (random() % 5) {
        case 0:
            text[place] = static_cast<char>(random() % 256);
            break;
        case 1:
            text.erase(place, length);
            break;
        case 2:
            text.insert(place, text.substr(random() % text.size(), length * 8));
            break;
        case 3:
            text.resize(place);
            break;
        default:
            text[place] = "\"{}[]:,\\\n\0-9"[random() % 12];
            break;
    }
    if (text.size() > longest) text.resize(longest);
}

int run(const FuzzTarget& target, const fs::path& seeds) {
    int inputs = 1;
    target.function("");
    for (const auto& entry : fs::directory_iterator(seeds / target.name)) {
        const std::string seed = read(entry.path());
        target.function(seed);
        std::minstd_rand random(static_cast<unsigned>(seed.size()));
        std::string changed = seed;
        for (int i = 0; i < changes_of_a_seed; ++i) {
            if (i % 10 == 0) changed = seed;
            change(changed, random);
            target.function(changed);
        }
        inputs += 1 + changes_of_a_seed;
    }
    return inputs;
}

}  // namespace

int main(int argc, char** argv) {
    if (argc < 2) return 2;
    const std::string only = argc > 2 ? argv[2] : "";
    for (const FuzzTarget& target : ivshmemd::test::fuzz_targets()) {
        if (!only.empty() && target.name != only) continue;
        const int inputs = run(target, argv[1]);
        std::printf("%-20s %d inputs\n", target.name.c_str(), inputs);
        if (inputs == 1) {
            std::printf("%s has no seeds\n", target.name.c_str());
            return 1;
        }
    }
    return 0;
}
