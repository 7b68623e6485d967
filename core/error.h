// The exceptions that the engine and the readers throw; the program maps each kind to an exit code.
// A message says what was found, what was expected, where, and what to do.
#pragma once

#include <stdexcept>
#include <string>

namespace terse {

class Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// The model directory cannot be used: a file is missing, damaged, or not what its config says.
class ModelError : public Error {
 public:
  using Error::Error;
};

/// An input cannot be read or decoded: a file, a record, a text longer than the model's limit.
class InputError : public Error {
 public:
  using Error::Error;
};

/// The model's numbers went wrong on an input that is in order.
class DecodingError : public InputError {
 public:
  using InputError::InputError;
};

/// The command line asks for something that does not exist or does not fit together.
class UsageError : public Error {
 public:
  using Error::Error;
};

/// A result cannot be written.
class OutputError : public Error {
 public:
  using Error::Error;
};

}  // namespace terse
