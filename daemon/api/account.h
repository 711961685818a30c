#pragma once

#include <sys/types.h>

#include <cstddef>
#include <map>
#include <memory>
#include <optional>
#include <utility>

namespace ivshmemd {

/// What one user has of the things there are few of.
struct Account {
    uid_t user = 0;
    std::size_t connections = 0;
    std::size_t calls = 0;       // under way, whether or not somebody still waits for the answer
    std::size_t bytes = 0;       // of replies that are not taken yet
    std::size_t long_calls = 0;  // longer than most methods take: coming, or under way
};

/// What one thing takes of an account, until it is destroyed. A charge may outlive whoever took it,
/// and never the account.
class Charge {
  public:
    using Kind = std::size_t Account::*;

    Charge() = default;
    Charge(Charge&& other) noexcept = default;
    Charge& operator=(Charge&& other) noexcept {
        std::swap(account_, other.account_);
        std::swap(kind_, other.kind_);
        std::swap(amount_, other.amount_);
        return *this;
    }
    ~Charge() { release(); }

    /// Nothing when the account would exceed `limit` then.
    static std::optional<Charge> take(std::shared_ptr<Account> account, Kind kind,
                                      std::size_t amount, std::size_t limit) {
        std::size_t& used = (*account).*kind;
        if (used + amount > limit) return std::nullopt;
        used += amount;
        Charge charge;
        charge.account_ = std::move(account);
        charge.kind_ = kind;
        charge.amount_ = amount;
        return charge;
    }

    void release() {
        if (account_) (*account_).*kind_ -= amount_;
        account_.reset();
    }

  private:
    std::shared_ptr<Account> account_;
    Kind kind_ = nullptr;
    std::size_t amount_ = 0;
};

/// The accounts of all users. One lasts as long as anything of it is in use.
class Accounts {
  public:
    std::shared_ptr<Account> of(uid_t user) {
        std::erase_if(accounts_, [](const auto& entry) { return entry.second.expired(); });
        std::shared_ptr<Account> account = accounts_[user].lock();
        if (!account) accounts_[user] = account = std::make_shared<Account>(Account{user});
        return account;
    }

  private:
    std::map<uid_t, std::weak_ptr<Account>> accounts_;
};

}  // namespace ivshmemd
