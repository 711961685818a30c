#pragma once

#include <algorithm>
#include <chrono>
#include <random>

namespace ivshmemd {

/// Growing pauses between attempts, each with up to a quarter of jitter so that many VMs that fell
/// together do not come back together.
class Backoff {
  public:
    using Milliseconds = std::chrono::milliseconds;

    Backoff(Milliseconds least, Milliseconds most) : least_(least), most_(most), next_(least) {}

    void reset() { next_ = least_; }

    template <class Random>
    Milliseconds next(Random& random) {
        std::uniform_int_distribution<Milliseconds::rep> jitter(0, next_.count() / 4);
        const Milliseconds pause = next_ + Milliseconds(jitter(random));
        next_ = std::min(most_, next_ * 2);
        return pause;
    }

  private:
    Milliseconds least_;
    Milliseconds most_;
    Milliseconds next_;
};

}  // namespace ivshmemd
