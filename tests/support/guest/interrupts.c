/* Receives the interrupts of the first ivshmem device in the test guest, as a driver would: through
 * VFIO, whose modules must be loaded with ids=1af4:1110.
 *   interrupts VECTORS FIFO
 * prints "ready PEER-ID", then "vector V" for each interrupt. A line "PEER VECTOR" written to the
 * FIFO, which it makes, rings that peer; "end" ends it.
 */
#include <dirent.h>
#include <fcntl.h>
#include <linux/vfio.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define DRIVER "/sys/bus/pci/drivers/vfio-pci"
#define MAX_VECTORS 64
#define PCI_COMMAND 4
#define MEMORY_AND_BUS_MASTER 6

static void need(int condition, const char* what) {
    if (condition) return;
    perror(what);
    exit(1);
}

/* "0000:01:00.0": the first device that is bound to vfio-pci. */
static const char* find_device(void) {
    struct dirent** entries;
    int count = scandir(DRIVER, &entries, NULL, alphasort);
    for (int i = 0; i < count; i++) {
        if (strchr(entries[i]->d_name, ':')) return entries[i]->d_name;
    }
    need(0, "no device is bound to vfio-pci");
    return NULL;
}

static int open_group(const char* address) {
    char path[512], link[512] = "";
    snprintf(path, sizeof path, DRIVER "/%s/iommu_group", address);
    need(readlink(path, link, sizeof link - 1) > 0, path);
    snprintf(path, sizeof path, "/dev/vfio/%s", strrchr(link, '/') + 1);
    int group = open(path, O_RDWR);
    need(group >= 0, path);
    return group;
}

static int open_device(const char* address) {
    int container = open("/dev/vfio/vfio", O_RDWR);
    need(container >= 0, "/dev/vfio/vfio");
    int group = open_group(address);
    need(ioctl(group, VFIO_GROUP_SET_CONTAINER, &container) == 0, "VFIO_GROUP_SET_CONTAINER");
    need(ioctl(container, VFIO_SET_IOMMU, VFIO_TYPE1_IOMMU) == 0, "VFIO_SET_IOMMU");
    int device = ioctl(group, VFIO_GROUP_GET_DEVICE_FD, address);
    need(device >= 0, "VFIO_GROUP_GET_DEVICE_FD");
    return device;
}

static struct vfio_region_info region(int device, unsigned index) {
    struct vfio_region_info info = {.argsz = sizeof info, .index = index};
    need(ioctl(device, VFIO_DEVICE_GET_REGION_INFO, &info) == 0, "VFIO_DEVICE_GET_REGION_INFO");
    return info;
}

static void enable(int device) {
    const uint16_t command = MEMORY_AND_BUS_MASTER;
    const struct vfio_region_info config = region(device, VFIO_PCI_CONFIG_REGION_INDEX);
    need(pwrite(device, &command, sizeof command, (off_t)config.offset + PCI_COMMAND) == 2,
         "command register");
}

static volatile uint32_t* map_registers(int device) {
    const struct vfio_region_info info = region(device, VFIO_PCI_BAR0_REGION_INDEX);
    void* memory =
        mmap(NULL, info.size, PROT_READ | PROT_WRITE, MAP_SHARED, device, (off_t)info.offset);
    need(memory != MAP_FAILED, "BAR 0");
    return memory;
}

static void listen_to(int device, int count, struct pollfd* vectors) {
    char buffer[sizeof(struct vfio_irq_set) + MAX_VECTORS * sizeof(int32_t)];
    struct vfio_irq_set* set = (struct vfio_irq_set*)buffer;
    *set = (struct vfio_irq_set){
        .argsz = (uint32_t)(sizeof *set + (size_t)count * sizeof(int32_t)),
        .flags = VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER,
        .index = VFIO_PCI_MSIX_IRQ_INDEX,
        .count = (uint32_t)count,
    };
    for (int i = 0; i < count; i++) {
        const int32_t fd = eventfd(0, 0);
        need(fd >= 0, "eventfd");
        memcpy(set->data + (size_t)i * sizeof fd, &fd, sizeof fd);
        vectors[i] = (struct pollfd){.fd = fd, .events = POLLIN};
    }
    need(ioctl(device, VFIO_DEVICE_SET_IRQS, set) == 0, "VFIO_DEVICE_SET_IRQS");
}

/* Registers: 2 is the own peer id, 3 the doorbell. */
static int obey(FILE* commands, volatile uint32_t* registers) {
    char line[64] = "";
    unsigned peer, vector;
    need(fgets(line, sizeof line, commands) != NULL, "fifo");
    if (sscanf(line, "%u %u", &peer, &vector) != 2) return 0;
    registers[3] = peer << 16 | vector;
    return 1;
}

int main(int argc, char** argv) {
    struct pollfd waits[MAX_VECTORS + 1];
    const int count = argc == 3 ? atoi(argv[1]) : 0;
    if (count < 1 || count > MAX_VECTORS) return 2;
    setvbuf(stdout, NULL, _IOLBF, 0);
    int device = open_device(find_device());
    enable(device);
    volatile uint32_t* registers = map_registers(device);
    listen_to(device, count, waits);
    mkfifo(argv[2], 0600);
    FILE* commands = fopen(argv[2], "r+"); /* also for writing: it never ends */
    need(commands != NULL, argv[2]);
    setvbuf(commands, NULL, _IONBF, 0); /* poll must see every line */
    waits[count] = (struct pollfd){.fd = fileno(commands), .events = POLLIN};
    printf("ready %u\n", registers[2]);
    for (;;) {
        need(poll(waits, (nfds_t)count + 1, -1) > 0, "poll");
        for (int i = 0; i < count; i++) {
            uint64_t rings;
            if (!(waits[i].revents & POLLIN)) continue;
            need(read(waits[i].fd, &rings, sizeof rings) == sizeof rings, "eventfd");
            printf("vector %d\n", i);
        }
        if (waits[count].revents & POLLIN && !obey(commands, registers)) return 0;
    }
}
