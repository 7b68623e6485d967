// SIGINT and SIGTERM: the first one asks for an end after whole lines, the second one ends at once.
// SIGBUS: a mapped model was cut.
#pragma once

#include <signal.h>

#include <atomic>

namespace terse {

/// Thrown to end the program with 128 + the signal's number and without a message.
struct Interrupted {
  int number;
};

/// Catches the first SIGINT or SIGTERM; the second one has its default action. A signal that the
/// program was started with ignored (nohup, background jobs) stays ignored.
void catch_signals();

/// A page that is gone from a mapped file (somebody cut or replaced it in place) becomes a line on
/// stderr and kModelUnusable instead of a crash.
void catch_lost_pages();

/// True once a signal has come. A read(2) that waits ends with EINTR then.
const std::atomic<bool>& signalled();

/// Throws Interrupted if a signal has come.
void throw_if_signalled();

/// While one lives, threads that start are not chosen to receive signals: they must go to the
/// thread that waits for input.
class SignalsBlocked {
 public:
  SignalsBlocked();
  ~SignalsBlocked();
  SignalsBlocked(const SignalsBlocked&) = delete;
  SignalsBlocked& operator=(const SignalsBlocked&) = delete;

 private:
  sigset_t before_;
};

}  // namespace terse
