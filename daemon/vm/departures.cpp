#include "daemon/vm/departures.h"

#include <algorithm>

namespace ivshmemd {
namespace {

using Phase = Departure::Phase;

// For as many requests the interval stays what it is: as long as people wait for a Detach.
constexpr int eager_requests = 6;
// Then it doubles, up to as many times that.
constexpr int slowest = 12;

}  // namespace

std::chrono::milliseconds Departures::interval(const Departure& departure) const {
    int times = 1;
    for (int i = eager_requests; i < departure.asked && times < slowest; ++i) times *= 2;
    return deadlines_.unplug_again * departure.pace * std::min(times, slowest);
}

Departure* Departures::known(const std::string& path) {
    const auto found = departures_.find(path);
    return found == departures_.end() ? nullptr : &found->second;
}

const Departure* Departures::find(const std::string& path) const {
    const auto found = departures_.find(path);
    return found == departures_.end() ? nullptr : &found->second;
}

Departure& Departures::begin(const std::string& path, Phase phase) {
    Departure& departure = departures_[path];
    departure = {};
    departure.phase = phase;
    departure.number = ++last_number_;
    return departure;
}

bool Departures::want(const std::string& path, bool remove_region, Time now) {
    Departure* there = known(path);
    if (!there || there->phase == Phase::refused) {
        // Who waited for the one that was refused goes on waiting.
        const std::uint64_t number = there ? there->number : 0;
        Departure& fresh = begin(path, Phase::wanted);
        if (number != 0) fresh.number = number;
        fresh.asked_for = true;
        fresh.awaited = true;
        fresh.since = now;
        fresh.remove_region = remove_region;
        fresh.again = now + interval(fresh);
        return true;
    }
    there->asked_for = true;
    there->awaited = true;
    there->remove_region = there->remove_region || remove_region;
    there->asked = std::min(there->asked, 1);  // somebody waits again
    there->again = std::min(there->again, now + interval(*there));
    return false;
}

void Departures::resume(const std::string& path, bool remove_region, Time now) {
    want(path, remove_region, now);  // and no request yet: one may have been made just now
    stop_waiting(path);
}

void Departures::set_range(const std::string& path, std::optional<DescriptorRange> range) {
    if (Departure* departure = known(path)) departure->range = range;
}

void Departures::set_pace(const std::string& path, int pace, Time now) {
    Departure* departure = known(path);
    if (!departure) return;
    departure->pace = pace;
    departure->again = now + interval(*departure);
}

void Departures::postpone(const std::string& path, Time until) {
    if (Departure* departure = known(path)) departure->again = until;
}

void Departures::asking(const std::string& path) {
    Departure* departure = known(path);
    if (!departure) return;
    if (departure->asking) return;
    ++departure->asked;
    departure->asking = true;
}

void Departures::answered(const std::string& path, Time now) {
    Departure* departure = known(path);
    if (!departure) return;
    departure->asking = false;
    departure->again = now + interval(*departure);
}

void Departures::refuse(const std::string& path, std::string refusal) {
    Departure* departure = known(path);
    if (!departure || departure->phase != Phase::wanted) return;
    departure->asking = false;
    departure->phase = Phase::refused;
    departure->refusal = std::move(refusal);
}

void Departures::withdraw(const std::string& path) {
    const Departure* departure = find(path);
    if (departure && departure->phase == Phase::wanted) departures_.erase(path);
}

void Departures::reconcile(const std::set<std::string>& there,
                           const std::vector<std::string>& missing, Time now) {
    const std::set<std::string> absent(missing.begin(), missing.end());
    std::erase_if(departures_, [&](const auto& each) {
        return !there.contains(each.first) && !absent.contains(each.first);
    });
    for (auto& [path, departure] : departures_) {
        if (departure.phase != Phase::left || !there.contains(path)) continue;
        departure.phase = Phase::wanted;  // another device of its name has come meanwhile
        departure.asked = 0;
        departure.again = now + interval(departure);
    }
    std::erase_if(departures_, [&](const auto& each) {
        return each.second.phase == Phase::wanted && !each.second.asked_for;
    });
    for (const std::string& path : missing) {
        Departure* departure = known(path);
        if (!departure) departure = &begin(path, Phase::left);
        if (departure->phase == Phase::clearing) continue;
        if (departure->phase != Phase::left || departure->patience == Time()) {
            departure->patience = now + deadlines_.departed;
        }
        departure->phase = Phase::left;
    }
}

bool Departures::clear(const std::string& path) {
    Departure* departure = known(path);
    if (!departure) departure = &begin(path, Phase::left);
    if (departure->phase == Phase::clearing) return false;
    departure->phase = Phase::clearing;
    return true;
}

void Departures::heard(const std::string& path, Time now) {
    Departure* departure = known(path);
    if (!departure) departure = &begin(path, Phase::left);
    if (departure->phase == Phase::clearing) return;
    departure->phase = Phase::left;
    departure->patience = now + deadlines_.departed;
}

void Departures::relapse(const std::string& path, std::uint64_t number, Time now) {
    Departure* departure = known(path);
    if (!departure || departure->number != number || departure->phase != Phase::clearing) return;
    departure->phase = Phase::left;
    departure->patience = now + deadlines_.departed;
}

void Departures::look_again(const std::string& path, Time now) {
    Departure* departure = known(path);
    if (departure) departure->patience = now + deadlines_.departed;
}

void Departures::left_in_calm(const std::string& path, bool in_calm) {
    if (Departure* departure = known(path)) departure->in_calm = in_calm;
}

void Departures::stop_waiting(const std::string& path) {
    if (Departure* departure = known(path)) departure->awaited = false;
}

void Departures::parked(const std::string& path) {
    if (Departure* departure = known(path)) departure->parked = true;
}

void Departures::start_over(Time now) {
    for (auto& [path, departure] : departures_) {
        if (departure.phase != Phase::wanted) continue;
        departure.asked = 0;
        departure.asking = false;
        departure.again = now + interval(departure);
    }
}

Departures::Next Departures::next(Time now, bool may_ask) const {
    Next next;
    for (const auto& [path, departure] : departures_) {
        const bool left = departure.phase == Phase::left;
        const bool wanted = departure.phase == Phase::wanted && may_ask && !departure.asking;
        if (!left && !wanted) continue;
        const Time due = left ? departure.patience : departure.again;
        if (due <= now) return {left ? Next::What::look : Next::What::ask, path, now};
        next.until = std::min(next.until, due);
    }
    return next;
}

bool Departures::leaving(const std::string& path) const {
    const Departure* departure = find(path);
    return departure && departure->phase != Phase::refused;
}

bool Departures::clearing() const {
    return std::any_of(departures_.begin(), departures_.end(),
                       [](const auto& each) { return each.second.phase == Phase::clearing; });
}

}  // namespace ivshmemd
