#pragma once

#include "daemon/attach/attach.h"
#include "daemon/detach/detach.h"
#include "tests/daemon/daemon_fixture.h"

namespace ivshmemd::test {

/// Operations on the VMs of DaemonFixture.
class OperationFixture : public DaemonFixture {
  protected:
    template <class T>
    using Running = std::shared_ptr<Loop::Pending<Result<T>>>;

    Running<Attached> start_attach(const DeviceRequest& request, const std::string& name = "a") {
        return loop_.start(attach(vm(name), request, false));
    }
    Result<Attached> attach_now(const DeviceRequest& request, const std::string& name = "a") {
        return finish(start_attach(request, name));
    }
    Running<Detached> start_detach(const DetachRequest& request, const std::string& name = "a") {
        const auto progress = [this](const std::string&, const std::string& text) {
            progress_.push_back(text);
        };
        return loop_.start(detach(vm(name), request, DetachProgress(progress)));
    }
    Result<Detached> detach_now(const DetachRequest& request, const std::string& name = "a") {
        return finish(start_detach(request, name));
    }

    template <class T>
    Result<T> finish(const Running<T>& running) {
        if (!loop_.run_until([&] { return running->done; })) {
            return Error(ErrorKind::internal, "the operation does not end");
        }
        return running->take();
    }

    /// A request for a region of one MiB.
    static DeviceRequest request(const std::string& name) {
        DeviceRequest wanted;
        wanted.name = name;
        wanted.size = mebibyte;
        return wanted;
    }
    static DetachRequest leave(const std::string& name,
                               Milliseconds timeout = Milliseconds(15000)) {
        DetachRequest wanted;
        wanted.name = name;
        wanted.timeout = timeout;
        return wanted;
    }
    static DetachRequest by_hand(const std::string& name) {
        DetachRequest wanted = leave(name);
        wanted.by_hand = true;
        return wanted;
    }

    bool region_exists(const std::string& name) const {
        return RegionFiles::inspect(region_path(name)).exists;
    }

    std::vector<std::string> progress_;
};

class DetachFixture : public OperationFixture {
  protected:
    /// Connects a VM with a device "x" whose guest behaves like that.
    void start_with_device(FakePc::Guest guest) {
        start();
        ASSERT_TRUE(attach_now(request("x")));
        pc_.set_guest(guest);
    }
};

}  // namespace ivshmemd::test
