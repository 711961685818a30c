#include "daemon/vm/notices.h"

namespace ivshmemd {

void Notices::adding(Time now) {
    ++unanswered_;
    disturb("", now);
}

void Notices::asked(const std::string& path, Time now) {
    const bool is_calm = last_ && now - *last_ >= calm;
    const bool alone = is_calm && ours_.contains(path) && requests_.empty() && unanswered_ == 0;
    ++unanswered_;
    disturb(path, now);
    requests_[path] = {now, alone};
}

void Notices::answered(const std::string& path, Time now) {
    if (unanswered_ > 0) --unanswered_;
    disturb(path, now);
}

bool Notices::left(const std::string& path, Time now) {
    const auto request = requests_.find(path);
    const bool free =
        request != requests_.end() && request->second.alone && now - request->second.sent <= prompt;
    if (request != requests_.end()) requests_.erase(request);
    ours_.erase(path);
    disturb(path, now);
    return free;
}

void Notices::start_over(Time now) {
    requests_.clear();
    unanswered_ = 0;
    last_ = now;
}

void Notices::forget(Time now) {
    start_over(now);
    ours_.clear();
}

void Notices::disturb(const std::string& by, Time now) {
    for (auto& [path, request] : requests_) {
        if (path != by) request.alone = false;
    }
    last_ = now;
}

}  // namespace ivshmemd
