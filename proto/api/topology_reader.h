#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "lib/device.h"
#include "lib/error.h"
#include "proto/json.h"

namespace ivshmemd::api {

/// A word of a JSON pointer.
std::string pointer_word(std::string text);

Error topology_fault(ErrorKind kind, const std::string& key, const std::string& message);

/// One table of a topology. Every fault that it has becomes one of `faults`.
class EntryReader {
  public:
    enum class Kind { text, texts, number, flag, size };
    using Members = std::map<std::string, Kind>;

    EntryReader(const json& entry, std::string key, std::vector<Error>& faults)
        : entry_(entry), key_(std::move(key)), faults_(faults) {}

    /// The pointer to a member; to the entry itself for none.
    std::string key(const std::string& member) const;

    void add(const std::string& member, const std::string& message);
    void add(const std::string& member, const Error& error);

    /// Its members that are known and of their type, sizes in bytes.
    json take(const Members& members);

    /// Null, and a fault, where `taken` has no such text.
    const std::string* required_text(const json& taken, const std::string& member);

    /// The request of a device; nothing when anything is wrong with it.
    std::optional<DeviceRequest> request_of(json device);

  private:
    // What it is as wanted; null, and a fault, when it is not that.
    json read(const std::string& member, const json& value, Kind kind);
    json read_size(const std::string& member, const json& value);
    json read_texts(const std::string& member, const json& value);

    const json& entry_;
    std::string key_;
    std::vector<Error>& faults_;
};

}  // namespace ivshmemd::api
