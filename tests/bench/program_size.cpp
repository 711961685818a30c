#include "tests/bench/program_size.h"

#include <elf.h>

#include <fstream>
#include <stdexcept>
#include <vector>

namespace ivshmemd::bench {
namespace {

template <class Record>
void read_at(std::ifstream& file, std::uint64_t offset, Record* records, std::size_t count) {
    file.seekg(static_cast<std::streamoff>(offset));
    file.read(reinterpret_cast<char*>(records),
              static_cast<std::streamsize>(sizeof *records * count));
    if (!file) throw std::runtime_error("not a whole ELF program");
}

}  // namespace

double text_of(const std::filesystem::path& program) {
    std::ifstream file(program, std::ios::binary);
    Elf64_Ehdr header{};
    read_at(file, 0, &header, 1);
    if (header.e_shentsize != sizeof(Elf64_Shdr)) throw std::runtime_error("not an ELF program");
    std::vector<Elf64_Shdr> sections(header.e_shnum);
    read_at(file, header.e_shoff, sections.data(), sections.size());
    double bytes = 0;
    for (const Elf64_Shdr& each : sections) {
        const bool is_text = (each.sh_flags & SHF_ALLOC) != 0 && (each.sh_flags & SHF_WRITE) == 0;
        if (is_text) bytes += static_cast<double>(each.sh_size);
    }
    return bytes / (1 << 20);
}

}  // namespace ivshmemd::bench
