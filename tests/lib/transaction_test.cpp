#include "lib/transaction.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

namespace ivshmemd {
namespace {

using Outcome = Transaction::Outcome;
using testing::ElementsAre;
using testing::HasSubstr;

DeviceRequest named(const std::string& name, Role role = Role::peer) {
    DeviceRequest request;
    request.name = name;
    request.role = role;
    return request;
}

VmPlan plan(const std::string& vm, const std::vector<std::string>& attach,
            std::vector<std::string> detach = {}) {
    VmPlan made{vm, {}, std::move(detach)};
    for (const std::string& name : attach) made.attach.push_back(named(name));
    return made;
}

std::string word(Task::Kind kind) {
    switch (kind) {
        case Task::Kind::check:
            return "check";
        case Task::Kind::attach:
            return "attach";
        case Task::Kind::detach:
            return "detach";
        case Task::Kind::take_back:
            return "take_back";
        case Task::Kind::put_back:
            return "put_back";
    }
    return "";
}

/// A transaction driven by words: what ends, and how; what is to be done next.
class Course {
  public:
    explicit Course(std::vector<VmPlan> plans,
                    Transaction::Extent extent = Transaction::Extent::everything)
        : transaction(std::move(plans), extent) {}

    std::string begin() { return spell(transaction.begin()); }

    /// "checked a", "checked a late x", "faulty a", "attach a/x done", "put_back b/y failed", ...
    std::string on(const std::string& event) {
        std::istringstream words(event);
        std::string what;
        std::string whom;
        std::string how;
        words >> what >> whom >> how;
        if (what == "checked" || what == "faulty") {
            std::string late;
            words >> late;
            return check(whom, what == "faulty", late);
        }
        const Task task = take(what + " " + whom);
        Error error;
        if (how == "failed" || how == "doubtful") error = Error(ErrorKind::qemu_error, "no");
        return spell(transaction.finished(task, outcome_of(how), error));
    }

    std::vector<std::string> failures() const {
        std::vector<std::string> texts;
        for (const Error& each : transaction.failures()) {
            texts.push_back(each.vm + "/" + text_detail(each, "device"));
        }
        return texts;
    }

    Transaction transaction;

  private:
    std::string check(const std::string& vm, bool faulty, const std::string& late) {
        const Task task = take("check " + vm);
        std::set<std::size_t> steps;
        const auto& attach = transaction.plans()[task.vm].attach;
        for (std::size_t i = 0; i < attach.size(); ++i) {
            if (attach[i].name == late) steps.insert(i);
        }
        std::vector<Error> faults;
        if (faulty) faults.emplace_back(ErrorKind::no_such_vm, "none");
        return spell(transaction.checked(task.vm, faults, steps));
    }

    static Outcome outcome_of(const std::string& how) {
        if (how == "done") return Outcome::done;
        if (how == "unchanged") return Outcome::unchanged;
        return how == "doubtful" ? Outcome::doubtful : Outcome::failed;
    }

    std::string text(const Task& task) const {
        const bool check = task.kind == Task::Kind::check;
        return word(task.kind) + " " +
               (check ? transaction.plans()[task.vm].vm : transaction.device_of(task));
    }

    Task take(const std::string& wanted) {
        for (auto each = running_.begin(); each != running_.end(); ++each) {
            if (text(*each) != wanted) continue;
            const Task task = *each;
            running_.erase(each);
            return task;
        }
        ADD_FAILURE() << wanted << " was not begun";
        return {};
    }

    std::string spell(const std::vector<Task>& tasks) {
        std::string all;
        for (const Task& task : tasks) {
            running_.push_back(task);
            all += (all.empty() ? "" : ", ") + text(task);
        }
        return transaction.over() ? all + "over" : all;
    }

    std::vector<Task> running_;
};

using Table = std::vector<std::pair<std::string, std::string>>;

void follow(Course& course, const Table& table) {
    for (const auto& [event, next] : table) EXPECT_EQ(course.on(event), next) << "after " << event;
}

TEST(Transaction, OfNothingIsOverAtOnce) {
    Course course({});
    EXPECT_EQ(course.begin(), "over");
    EXPECT_TRUE(course.failures().empty());
}

TEST(Transaction, ChecksAllAttachesToAllThenDetachesThenAttachesWhatHadToWait) {
    Course course({plan("a", {"x", "y", "z"}, {"z", "o"}), plan("b", {"x"})});
    EXPECT_EQ(course.begin(), "check a, check b");
    follow(course, {{"checked b", ""},
                    {"checked a late z", "attach a/x, attach b/x"},
                    {"attach a/x done", "attach a/y"},
                    {"attach a/y unchanged", ""},
                    {"attach b/x done", "detach a/z, detach a/o"},
                    {"detach a/o done", ""},
                    {"detach a/z done", "attach a/z"},
                    {"attach a/z done", "over"}});
    EXPECT_TRUE(course.failures().empty());
    EXPECT_TRUE(course.transaction.leftovers().empty());
}

TEST(Transaction, BeginsNothingWhenOneCheckFindsAFault) {
    Course course({plan("a", {"x"}), plan("b", {"x"}), plan("c", {"x"})});
    course.begin();
    follow(course, {{"faulty c", ""}, {"checked a", ""}, {"faulty b", "over"}});
    EXPECT_THAT(course.failures(), ElementsAre("b/", "c/")) << "as planned, not as looked at";
}

TEST(Transaction, CanBeCheckedOnly) {
    Course course({plan("a", {"x"}, {"y"})}, Transaction::Extent::check_only);
    EXPECT_EQ(course.begin(), "check a");
    EXPECT_EQ(course.on("checked a"), "over");
    EXPECT_TRUE(course.failures().empty());
}

TEST(Transaction, TakesBackWhatWasAttachedAndNothingElse) {
    Course course({plan("a", {"x", "y"}), plan("b", {"x"}), plan("c", {"x"}), plan("d", {"x"})});
    course.begin();
    follow(course, {{"checked a", ""},
                    {"checked b", ""},
                    {"checked c", ""},
                    {"checked d", "attach a/x, attach b/x, attach c/x, attach d/x"},
                    {"attach b/x failed", ""},
                    {"attach a/x done", ""},
                    {"attach d/x failed", ""},
                    {"attach c/x unchanged", "take_back a/x"},
                    {"take_back a/x done", "over"}});
    EXPECT_THAT(course.failures(), ElementsAre("b/x", "d/x"));
    EXPECT_TRUE(course.transaction.leftovers().empty());
}

TEST(Transaction, TakesBackWhatMayHaveBeenAttached) {
    Course course({plan("a", {"x"})});
    course.begin();
    follow(course, {{"checked a", "attach a/x"},
                    {"attach a/x doubtful", "take_back a/x"},
                    {"take_back a/x done", "over"}});
    EXPECT_THAT(course.failures(), ElementsAre("a/x"));
    EXPECT_TRUE(course.transaction.leftovers().empty());
}

TEST(Transaction, NamesWhatCannotBeTakenBack) {
    Course course({plan("a", {"x"}), plan("b", {"x"}), plan("c", {"x"})});
    course.begin();
    follow(course, {{"checked a", ""},
                    {"checked b", ""},
                    {"checked c", "attach a/x, attach b/x, attach c/x"},
                    {"attach a/x done", ""},
                    {"attach b/x done", ""},
                    {"attach c/x failed", "take_back a/x, take_back b/x"},
                    {"take_back a/x failed", ""},
                    {"take_back b/x done", "over"}});
    EXPECT_THAT(course.failures(), ElementsAre("c/x"));
    EXPECT_THAT(course.transaction.leftovers(), ElementsAre("a/x"));
}

TEST(Transaction, PutsBackWhatWasDetachedAfterWhatWasAttachedHasGone) {
    Course course({plan("a", {"n"}, {"x", "y"}), plan("b", {}, {"x"})});
    course.begin();
    follow(course, {{"checked a", ""},
                    {"checked b", "attach a/n"},
                    {"attach a/n done", "detach a/x, detach a/y, detach b/x"},
                    {"detach a/x done", ""},
                    {"detach b/x failed", ""},
                    {"detach a/y done", "take_back a/n"},
                    {"take_back a/n done", "put_back a/x"},
                    {"put_back a/x done", "put_back a/y"},
                    {"put_back a/y failed", "over"}});
    EXPECT_THAT(course.failures(), ElementsAre("b/x"));
    EXPECT_THAT(course.transaction.leftovers(), ElementsAre("a/y"));
}

TEST(Transaction, NamesWhatItsGuestWasAskedForAndKeeps) {
    Course course({plan("a", {}, {"x"}), plan("b", {}, {"x"})});
    course.begin();
    follow(course, {{"checked a", ""},
                    {"checked b", "detach a/x, detach b/x"},
                    {"detach a/x doubtful", ""},
                    {"detach b/x done", "put_back b/x"},
                    {"put_back b/x done", "over"}});
    EXPECT_THAT(course.transaction.leftovers(), ElementsAre("a/x"));
}

TEST(Transaction, UndoesAnExchangeThatFailsInItsSecondHalf) {
    Course course({plan("a", {"x"}, {"x"}), plan("b", {"x"}, {"x"})});
    course.begin();
    follow(course, {{"checked a late x", ""},
                    {"checked b late x", "detach a/x, detach b/x"},
                    {"detach a/x done", ""},
                    {"detach b/x done", "attach a/x, attach b/x"},
                    {"attach a/x done", ""},
                    {"attach b/x failed", "take_back a/x"},
                    {"take_back a/x done", "put_back a/x, put_back b/x"},
                    {"put_back b/x done", ""},
                    {"put_back a/x done", "over"}});
    EXPECT_TRUE(course.transaction.leftovers().empty());
}

TEST(MasterBefore, FindsTheSameMemoryByItsPathOrItsServer) {
    RegionPlaces places;
    std::vector<VmPlan> plans{plan("a", {}), plan("b", {})};
    plans[0].attach = {named("x", Role::master), named("y")};
    plans[1].attach = {named("y", Role::master), named("z", Role::master)};
    plans[1].attach[1].region = "x";
    EXPECT_EQ(master_before(plans, 0, 0, places), "");
    EXPECT_EQ(master_before(plans, 1, 0, places), "");
    EXPECT_EQ(master_before(plans, 1, 1, places), "a/x");
    plans[0].attach[0].server = plans[1].attach[1].server = "/run/s";
    EXPECT_EQ(master_before(plans, 1, 1, places), "a/x");
    plans[1].attach[1].server = "/run/other";
    EXPECT_EQ(master_before(plans, 1, 1, places), "");
}

TEST(TransactionError, NamesTheFirstToFailAndWhatIsLeft) {
    Error first(ErrorKind::no_free_slot, "no room", {{"device", std::string("x")}});
    first.vm = "db";
    const Error second(ErrorKind::bad_size, "odd");
    const Error error = transaction_error({first, second}, {"web/x", "/dev/shm/x"});
    EXPECT_EQ(error.kind, ErrorKind::transaction_failed);
    EXPECT_EQ(error.vm, "db");
    EXPECT_THAT(error.message, HasSubstr("db/x: no room"));
    EXPECT_THAT(error.message, HasSubstr("1 more"));
    EXPECT_THAT(error.message, HasSubstr("web/x, /dev/shm/x"));
    EXPECT_EQ(std::get<bool>(error.details[0].second), false);
    EXPECT_THAT(transaction_error({first}, {}).message, HasSubstr("nothing has changed"));
    const Error later = transaction_error({first}, {"web/x"}, {}, {"web/x"});
    EXPECT_THAT(later.message, HasSubstr("taken out as soon as their VM can be asked: web/x"));
    EXPECT_THAT(transaction_error({first}, {"web/x"}, {"web/x"}).message,
                HasSubstr("plugged in again as soon as that can be: web/x"));
}

}  // namespace
}  // namespace ivshmemd
