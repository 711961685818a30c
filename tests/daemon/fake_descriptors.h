#pragma once

#include <atomic>
#include <condition_variable>
#include <list>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <thread>

#include "tests/support/file_descriptor.h"

namespace ivshmemd::test {

/// The descriptor numbers of a QEMU without KVM: the lowest free one is given out first, and those
/// of a doorbell's own vectors are watched after the device has gone. Reads what a relay sends, as
/// QEMU does, on a thread per chardev. Thread-safe.
class FakeDescriptors {
  public:
    FakeDescriptors() = default;
    FakeDescriptors(const FakeDescriptors&) = delete;
    FakeDescriptors& operator=(const FakeDescriptors&) = delete;
    ~FakeDescriptors();

    /// As many numbers as there are.
    static constexpr int limit = 1024;

    /// Gives `owner` the lowest free number; -1 when there is none. `harmless` where it can never
    /// be readable.
    int take(const std::string& owner, bool harmless = false);
    /// What `owner` has of that number, or all where it is negative, is `other`'s then.
    void give(const std::string& owner, int number, const std::string& other);
    /// All numbers of that owner become free.
    void free(const std::string& owner);

    /// A device is made on the chardev behind this end of a relay, whose number `owner` has. It
    /// becomes free when the relay ends, as QEMU closes it then.
    void connect(const std::string& device, FileDescriptor relay, const std::string& owner);
    /// Its numbers become free, those of its own vectors watched; the relay stays.
    void disconnect(const std::string& device);
    /// The chardev goes.
    void hang_up(const std::string& device);

    /// All of it is another process's from now on.
    void start_over();

    /// Whether no reader has anything to read. While nobody connects or hangs up.
    bool is_idle() const;
    /// Numbers that a device that was there last was passed, and how many of its own vectors.
    std::size_t passed() const;
    /// Numbers that are watched although nothing of ours holds them.
    std::set<int> exposed() const;
    /// The lowest number that is free, and the lowest of those that are or were watched.
    int lowest_free() const;
    int lowest_watched() const;
    /// What took a number that is watched, and was not harmless.
    std::string failure() const;
    std::size_t in_use() const;

  private:
    struct Reader {
        std::string device;
        std::string owner;
        FileDescriptor relay;
        FileDescriptor stop;
        std::atomic<bool> waits = false;
        std::atomic<bool> over = false;
        std::thread thread;
    };
    void read(Reader& reader);
    static void end(Reader& reader);
    int take_locked(const std::string& owner, bool harmless);

    mutable std::mutex mutex_;
    std::map<int, std::string> used_;
    std::set<int> watched_;
    std::string failure_;
    std::size_t passed_ = 0;
    std::list<Reader> readers_;
};

}  // namespace ivshmemd::test
