// What a call that ends later came to: a value, or the exception in its place.
#pragma once

#include <exception>
#include <optional>
#include <utility>

namespace terse {

template <class T>
class Result {
 public:
  Result(T value) : value_(std::move(value)) {}  // NOLINT(google-explicit-constructor)
  Result(std::exception_ptr error) : error_(std::move(error)) {}  // NOLINT

  /// What f() gives or throws.
  template <class F>
  static Result of(const F& f) {
    try {
      return f();
    } catch (...) {
      return std::current_exception();
    }
  }

  /// The value; null in case of an exception.
  const T* value() const { return value_ ? &*value_ : nullptr; }
  const std::exception_ptr& error() const { return error_; }

  /// The value, once; or throws the exception.
  T take() {
    if (error_) std::rethrow_exception(error_);
    return std::move(*value_);
  }

 private:
  std::optional<T> value_;
  std::exception_ptr error_;
};

}  // namespace terse
