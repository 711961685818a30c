#pragma once

#include <boost/system/result.hpp>

#include "lib/error.h"

namespace ivshmemd {

/// A value, or the named refusal. Use has_value()/operator bool, *, -> and error(); .value() is
/// deliberately unusable so that every caller tests first.
template <class T>
using Result = boost::system::result<T, Error>;

}  // namespace ivshmemd
