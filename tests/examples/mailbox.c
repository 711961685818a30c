/* Short messages between two virtual machines that share a region; runs in their guests, and on the
 * host to look at it.
 *   mailbox FILE ask TEXT...     sends each text and prints what comes back
 *   mailbox FILE answer COUNT    answers so many, in capitals
 *   mailbox FILE show            prints the latest messages of both ways, and takes none
 * FILE is the shared memory: /sys/bus/pci/devices/ADDRESS/resource2 in a guest, /dev/shm/REGION on
 * the host. Only one may ask at a time, and only one answer.
 *
 * Each way has a ring, into which one side writes and from which the other reads, so that no lock
 * is needed: neither ever changes the other's counter. A fresh region is all zeros, which is two
 * empty rings; nobody has to set anything up. Nothing here interrupts the other side, it has to
 * look; a doorbell server (ivshmem-doorbell) would change that.
 */
#include <ctype.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define SLOTS 8u /* a power of two: the counters wrap around */
#define LONGEST 63
#define PATIENCE 60 /* seconds */

struct ring {
    _Alignas(64) _Atomic uint32_t written; /* messages so far; only the writer changes it */
    _Alignas(64) _Atomic uint32_t taken;   /* the same of the reader */
    _Alignas(64) volatile char text[SLOTS][LONGEST + 1];
};

struct mailbox {
    struct ring questions, answers;
};

static void fail(const char* what) {
    fprintf(stderr, "mailbox: %s\n", what);
    exit(1);
}

static struct mailbox* map_file(const char* path) {
    struct stat status;
    int file = open(path, O_RDWR);
    if (file < 0 || fstat(file, &status) != 0) {
        perror(path);
        exit(1);
    }
    if ((size_t)status.st_size < sizeof(struct mailbox)) fail("the memory is too small");
    void* memory = mmap(NULL, sizeof(struct mailbox), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (memory == MAP_FAILED) {
        perror(path);
        exit(1);
    }
    close(file);
    return memory;
}

/* Messages that were written and not yet taken. The other side could write anything. */
static uint32_t waiting(struct ring* ring) {
    uint32_t count = atomic_load_explicit(&ring->written, memory_order_acquire) -
                     atomic_load_explicit(&ring->taken, memory_order_acquire);
    if (count > SLOTS) fail("the memory holds something else than a mailbox");
    return count;
}

static void await_count(struct ring* ring, uint32_t least, uint32_t most) {
    const struct timespec pause = {.tv_nsec = 1000000};
    const time_t end = time(NULL) + PATIENCE;
    for (uint32_t count = waiting(ring); count < least || count > most; count = waiting(ring)) {
        if (time(NULL) > end) fail("nothing came from the other side");
        nanosleep(&pause, NULL);
    }
}

/* Byte by byte: device memory does not bear the wide accesses of memcpy() on every processor. */
static void read_slot(struct ring* ring, uint32_t number, char text[LONGEST + 1]) {
    for (size_t i = 0; i < LONGEST; i++) text[i] = ring->text[number % SLOTS][i];
    text[LONGEST] = 0; /* whatever the other side wrote there */
}

static void put(struct ring* ring, const char* text) {
    await_count(ring, 0, SLOTS - 1);
    const uint32_t number = atomic_load_explicit(&ring->written, memory_order_relaxed);
    const size_t length = strnlen(text, LONGEST);
    for (size_t i = 0; i <= LONGEST; i++) {
        ring->text[number % SLOTS][i] = i < length ? text[i] : 0;
    }
    /* Release: who sees the new count sees the text as well. */
    atomic_store_explicit(&ring->written, number + 1, memory_order_release);
}

static void take(struct ring* ring, char text[LONGEST + 1]) {
    await_count(ring, 1, SLOTS);
    const uint32_t number = atomic_load_explicit(&ring->taken, memory_order_relaxed);
    read_slot(ring, number, text);
    atomic_store_explicit(&ring->taken, number + 1, memory_order_release);
}

static void ask(struct mailbox* mailbox, const char* question) {
    char text[LONGEST + 1];
    put(&mailbox->questions, question);
    take(&mailbox->answers, text);
    printf("%s -> %s\n", question, text);
}

static void answer(struct mailbox* mailbox) {
    char text[LONGEST + 1];
    take(&mailbox->questions, text);
    printf("asked: %s\n", text);
    for (char* at = text; *at; at++) *at = (char)toupper((unsigned char)*at);
    put(&mailbox->answers, text);
}

static void show(const char* title, struct ring* ring) {
    const uint32_t end = atomic_load_explicit(&ring->written, memory_order_acquire);
    printf("%s: %u written, %u waiting\n", title, end, waiting(ring));
    for (uint32_t number = end > SLOTS ? end - SLOTS : 0; number != end; number++) {
        char text[LONGEST + 1];
        read_slot(ring, number, text);
        printf("  %s\n", text);
    }
}

int main(int argc, char** argv) {
    const char* command = argc > 2 ? argv[2] : "";
    if (strcmp(command, "ask") == 0 && argc > 3) {
        struct mailbox* mailbox = map_file(argv[1]);
        for (int i = 3; i < argc; i++) ask(mailbox, argv[i]);
    } else if (strcmp(command, "answer") == 0 && argc == 4) {
        struct mailbox* mailbox = map_file(argv[1]);
        for (long count = strtol(argv[3], NULL, 10); count > 0; count--) answer(mailbox);
    } else if (strcmp(command, "show") == 0 && argc == 3) {
        struct mailbox* mailbox = map_file(argv[1]);
        show("questions", &mailbox->questions);
        show("answers", &mailbox->answers);
    } else {
        fprintf(stderr, "usage: mailbox FILE ask TEXT... | answer COUNT | show\n");
        return 2;
    }
    return 0;
}
