#pragma once

#include <boost/system/result.hpp>
#include <boost/version.hpp>
#include <stdexcept>

#include "lib/error.h"

namespace ivshmemd {

/// A value, or the named refusal. Use has_value()/operator bool, *, -> and error(), never
/// .value(): every caller tests first.
template <class T>
using Result = boost::system::result<T, Error>;

#if BOOST_VERSION >= 109100
/// What * and -> of a refusal end in, which Boost looks for by this name beside the refusal's type:
/// to use them unasked is a defect of the caller.
template <class Refusal>
[[noreturn]] void throw_exception_from_error(const Refusal& /*refusal*/,
                                             const boost::source_location& /*where*/) {
    throw std::logic_error("a refusal was taken for a value");
}
#endif

}  // namespace ivshmemd
