#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "proto/qmp/queries.h"
#include "proto/qmp/question.h"

namespace ivshmemd::qmp {

/// What is known of one QEMU's objects, for as long as the connection to it lasts.
///
/// Whoever asks gets what is known, or an empty answer; what was not known is in missing()
/// afterwards. So a reader is written as if it knew everything, and run again after each round of
/// questions until nothing is missing.
class QomMemo {
  public:
    struct Listing {
        std::vector<QomEntry> children;  // child<...>
        std::vector<std::string> links;  // names of link<...>
        bool exists = false;
        std::set<std::string> properties;  // those of all others that a reader looks for

        bool has(std::string_view property) const;
        bool has_prefix(std::string_view prefix) const;
    };

    QomMemo() = default;
    QomMemo(const QomMemo&) = delete;
    QomMemo& operator=(const QomMemo&) = delete;

    /// A new reading begins: what changes while a QEMU runs is forgotten.
    void begin();
    /// A reading has ended: what changes is of no use to the next one.
    void end();
    /// A listing that came with other questions; one that changes. What is no longer in it, or of
    /// another type, is forgotten.
    void put(const std::string& path, const json* listing);
    /// Everything about this object and those below it is forgotten.
    void forget(std::string_view path);

    // What stays as it is for as long as the object is there. A failed question counts as an empty
    // answer.
    const Listing& lasting_list(const std::string& path);
    const json* lasting(const std::string& path, const std::string& property);
    /// The same, remembered with `of`: what happens to be at that path now, seen from there.
    const json* lasting(const std::string& path, const std::string& property,
                        const std::string& of);

    // What changes.
    /// Whether QEMU said that there is no such object.
    bool is_missing(const std::string& path) const;
    const Listing& list(const std::string& path);
    const json* get(const std::string& path, const std::string& property);

    /// What could not be answered since the last call. The questions must not outlive this.
    std::vector<Question> missing();
    /// Whether everything asked for since then was known.
    bool complete() const { return missing_.empty(); }

    /// Types of objects with a bus in or below one of them.
    std::set<std::string> fruitful;
    /// What the first device of a type lists that has a bus of its own id, and nothing else below:
    /// by type. Others of it are taken to be alike.
    std::map<std::string, Listing> alike;
    /// Types of which one was not.
    std::set<std::string> unlike;

  private:
    template <class T>
    struct Store {
        std::map<std::string, T, std::less<>> lasting;
        std::map<std::string, T, std::less<>> momentary;
    };

    const Listing& listed(std::map<std::string, Listing, std::less<>>& known,
                          const std::string& path);
    const json* known(std::map<std::string, json, std::less<>>& values, const std::string& key,
                      const std::string& path, const std::string& property);

    Store<Listing> listings_;
    std::map<std::string, std::vector<QomEntry>> before_;  // what was put last
    Store<json> values_;
    std::vector<Question> missing_;
    std::set<std::string> asked_;  // in missing_
};

}  // namespace ivshmemd::qmp
