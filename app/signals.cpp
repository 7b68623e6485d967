#include "app/signals.h"

#include <pthread.h>
#include <unistd.h>

#include <string_view>

#include "app/exit_code.h"

namespace terse {
namespace {

std::atomic<bool> g_signalled = false;
std::atomic<int> g_number = 0;
static_assert(std::atomic<bool>::is_always_lock_free && std::atomic<int>::is_always_lock_free,
              "a signal handler may only use lock-free atomics");

void set_handler(int number, void (*handler)(int), int flags) {
  struct sigaction action {};
  action.sa_handler = handler;
  action.sa_flags = flags;  // without SA_RESTART: a waiting read ends
  sigemptyset(&action.sa_mask);
  sigaction(number, &action, nullptr);
}

// A read that began just after the flag was looked at is interrupted by this one.
void on_alarm(int) {
  alarm(1);
}

void on_signal(int number) {
  g_number.store(number);
  g_signalled.store(true);
  set_handler(SIGINT, SIG_DFL, 0);
  set_handler(SIGTERM, SIG_DFL, 0);
  alarm(1);
}

void on_lost_page(int) {
  constexpr std::string_view message =
      "terse: error: a file of the model was cut or changed while it was in use; restore it, and "
      "replace models by renaming\n";
  [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, message.data(), message.size());
  // Nothing else is safe here, and nothing is lost: results are written line by line.
  ::_exit(kModelUnusable);
}

}  // namespace

void catch_lost_pages() {
  set_handler(SIGBUS, on_lost_page, 0);
}

void catch_signals() {
  set_handler(SIGALRM, on_alarm, 0);
  for (const int number : {SIGINT, SIGTERM}) {
    struct sigaction before {};
    sigaction(number, nullptr, &before);
    if (before.sa_handler != SIG_IGN) set_handler(number, on_signal, 0);
  }
}

const std::atomic<bool>& signalled() {
  return g_signalled;
}

void throw_if_signalled() {
  if (g_signalled.load()) throw Interrupted{g_number.load()};
}

SignalsBlocked::SignalsBlocked() {
  sigset_t set;
  sigemptyset(&set);
  for (const int number : {SIGINT, SIGTERM, SIGALRM}) sigaddset(&set, number);
  pthread_sigmask(SIG_BLOCK, &set, &before_);
}

SignalsBlocked::~SignalsBlocked() {
  pthread_sigmask(SIG_SETMASK, &before_, nullptr);
}

}  // namespace terse
