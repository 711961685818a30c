#pragma once

#include <stdlib.h>

#include <string>

namespace ivshmemd::test {

/// A variable of the environment, for as long as this object lives.
class Variable {
  public:
    Variable(const char* name, const std::string& value) : name_(name) {
        ::setenv(name, value.c_str(), 1);
    }
    Variable(const Variable&) = delete;
    Variable& operator=(const Variable&) = delete;
    ~Variable() { ::unsetenv(name_); }

  private:
    const char* name_;
};

}  // namespace ivshmemd::test
