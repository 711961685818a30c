/* The test guest's view of ivshmem devices, through sysfs and without any driver:
 *   shm list                       one line per device: ADDRESS BAR2-ADDRESS BAR2-SIZE
 *   shm [-d ADDRESS] read OFFSET LENGTH
 *   shm [-d ADDRESS] write OFFSET TEXT
 *   shm [-d ADDRESS] counter OFFSET   counts up the 32-bit word there, 100 times a second
 *   shm [-d ADDRESS] position         the doorbell's peer id
 *   shm [-d ADDRESS] ring PEER VECTOR
 * Without -d the first device is meant. Numbers as in C. Exit status 1: no such device, or an
 * error.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define DEVICES "/sys/bus/pci/devices"

struct bar {
    unsigned long long address, size;
};

static unsigned long number(const char* text) {
    return strtoul(text, NULL, 0);
}

static int fail(const char* what) {
    perror(what);
    return 1;
}

static FILE* open_attribute(const char* device, const char* name, const char* mode) {
    char path[512];
    snprintf(path, sizeof path, DEVICES "/%s/%s", device, name);
    return fopen(path, mode);
}

static unsigned long read_id(const char* device, const char* name) {
    char text[32] = "";
    FILE* file = open_attribute(device, name, "r");
    if (!file) return 0;
    if (!fgets(text, sizeof text, file)) text[0] = 0;
    fclose(file);
    return number(text);
}

static int is_ivshmem(const char* device) {
    return read_id(device, "vendor") == 0x1af4 && read_id(device, "device") == 0x1110;
}

static struct bar read_bar(const char* device, int index) {
    struct bar bar = {0, 0};
    unsigned long long start, end, flags;
    FILE* file = open_attribute(device, "resource", "r");
    if (!file) return bar;
    for (int i = 0; i <= index; i++) {
        if (fscanf(file, "%llx %llx %llx", &start, &end, &flags) != 3) start = end = 0;
    }
    fclose(file);
    if (end > start) bar = (struct bar){start, end - start + 1};
    return bar;
}

/* Calls visit for every ivshmem device in the order of their addresses, until it returns nonzero.
 */
static int each_device(int (*visit)(const char*, void*), void* context) {
    struct dirent** entries;
    int result = 0, count = scandir(DEVICES, &entries, NULL, alphasort);
    for (int i = 0; i < count && !result; i++) {
        if (is_ivshmem(entries[i]->d_name)) result = visit(entries[i]->d_name, context);
    }
    return result;
}

static int print_device(const char* device, void* context) {
    (void)context;
    struct bar bar = read_bar(device, 2);
    printf("%s 0x%llx %llu\n", device, bar.address, bar.size);
    return 0;
}

static int keep_first(const char* device, void* context) {
    snprintf(context, 64, "%s", device);
    return 1;
}

static volatile uint8_t* map_bar(const char* device, int index, size_t* size) {
    char path[512];
    *size = read_bar(device, index).size;
    snprintf(path, sizeof path, DEVICES "/%s/resource%d", device, index);
    int fd = open(path, O_RDWR | O_SYNC);
    if (fd < 0) return MAP_FAILED;
    void* memory = mmap(NULL, *size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    return memory;
}

static int read_text(volatile uint8_t* memory, size_t offset, size_t length) {
    for (size_t i = 0; i < length; i++) putchar(memory[offset + i]);
    return 0;
}

static int write_text(volatile uint8_t* memory, size_t offset, const char* text) {
    for (size_t i = 0; text[i]; i++) memory[offset + i] = (uint8_t)text[i];
    return 0;
}

static void count_up(volatile uint8_t* memory, size_t offset) {
    volatile uint32_t* word = (volatile uint32_t*)(memory + offset);
    for (;;) {
        ++*word;
        usleep(10000);
    }
}

static int use_memory(const char* device, int argc, char** argv) {
    size_t size, offset = argc > 1 ? number(argv[1]) : 0;
    volatile uint8_t* memory = map_bar(device, 2, &size);
    if (memory == MAP_FAILED) return fail("shm: BAR 2");
    size_t length = 4;
    if (argc > 2) length = strcmp(argv[0], "read") == 0 ? number(argv[2]) : strlen(argv[2]);
    if (offset > size || length > size - offset) {
        fprintf(stderr, "shm: outside of the memory (%zu bytes)\n", size);
        return 1;
    }
    if (argc == 3 && strcmp(argv[0], "read") == 0) return read_text(memory, offset, length);
    if (argc == 3 && strcmp(argv[0], "write") == 0) return write_text(memory, offset, argv[2]);
    if (argc == 2 && strcmp(argv[0], "counter") == 0) count_up(memory, offset); /* for ever */
    fprintf(stderr, "shm: unknown command\n");
    return 2;
}

/* The registers: 8 is the own peer id, 12 the doorbell. */
static int use_registers(const char* device, int argc, char** argv) {
    size_t size;
    volatile uint8_t* memory = map_bar(device, 0, &size);
    if (memory == MAP_FAILED) return fail("shm: BAR 0");
    volatile uint32_t* registers = (volatile uint32_t*)memory;
    if (argc == 1) {
        printf("%u\n", registers[2]);
    } else {
        registers[3] = (uint32_t)(number(argv[1]) << 16 | number(argv[2]));
    }
    return 0;
}

int main(int argc, char** argv) {
    char device[64] = "";
    argc--, argv++;
    if (argc == 1 && strcmp(argv[0], "list") == 0) return each_device(print_device, NULL);
    if (argc >= 2 && strcmp(argv[0], "-d") == 0) {
        snprintf(device, sizeof device, "%s", argv[1]);
        argc -= 2, argv += 2;
    } else {
        each_device(keep_first, device);
    }
    if (argc < 1) return 2;
    if (!device[0] || !is_ivshmem(device)) {
        fprintf(stderr, "shm: no such ivshmem device\n");
        return 1;
    }
    if (argc == 1 && strcmp(argv[0], "position") == 0) return use_registers(device, argc, argv);
    if (argc == 3 && strcmp(argv[0], "ring") == 0) return use_registers(device, argc, argv);
    return use_memory(device, argc, argv);
}
