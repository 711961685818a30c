#include "daemon/ctl/interrupt.h"

#include <sys/signalfd.h>
#include <unistd.h>

namespace ivshmemd::ctl {
namespace {

// A blocked signal reaches a signalfd even when its action is to ignore it, so that has to be
// asked.
bool is_ignored(int signal) {
    struct sigaction action {};
    return sigaction(signal, nullptr, &action) == 0 && action.sa_handler == SIG_IGN;
}

}  // namespace

Interrupt::Interrupt() {
    if (is_ignored(SIGINT)) return;
    sigset_t interrupt;
    sigemptyset(&interrupt);
    sigaddset(&interrupt, SIGINT);
    pthread_sigmask(SIG_BLOCK, &interrupt, &before_);
    fd_ = signalfd(-1, &interrupt, SFD_NONBLOCK | SFD_CLOEXEC);
    if (fd_ < 0) pthread_sigmask(SIG_SETMASK, &before_, nullptr);
}

Interrupt::~Interrupt() {
    if (fd_ < 0) return;
    // What made the descriptor readable was acted on; left pending it would now end the program.
    signalfd_siginfo taken;
    while (read(fd_, &taken, sizeof taken) > 0) {
    }
    close(fd_);
    pthread_sigmask(SIG_SETMASK, &before_, nullptr);
}

}  // namespace ivshmemd::ctl
