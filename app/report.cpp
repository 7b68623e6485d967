#include "app/report.h"

#include <fcntl.h>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <new>

#include "app/exit_code.h"
#include "app/signals.h"
#include "core/error.h"
#include "io/output.h"

namespace terse {
namespace {

int fail(int code, const std::string& message) {
  spdlog::error(message);
  return code;
}

/// Keeps the numbers of streams that were closed from being given to files: results would be read
/// as input, or get messages between their lines. Reading or writing them still fails.
void occupy_closed_streams() {
  for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (::fcntl(fd, F_GETFD) < 0 && errno == EBADF) {
      ::open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY);
    }
  }
}

}  // namespace

void set_up_process() {
  occupy_closed_streams();
  catch_lost_pages();
  std::signal(SIGPIPE, SIG_IGN);
  // spdlog's own default writes to stdout, which carries results only.
  spdlog::set_default_logger(spdlog::stderr_color_mt("terse"));
  spdlog::set_pattern("terse: %^%l%$: %v");
  set_color("auto");
}

// spdlog's automatic mode knows neither NO_COLOR nor a dumb terminal.
void set_color(const std::string& when) {
  const char* no_color = std::getenv("NO_COLOR");
  const bool wanted = no_color == nullptr || *no_color == '\0';
  const bool on = when == "always" || (when == "auto" && wanted && stderr_is_terminal());
  for (const auto& sink : spdlog::default_logger()->sinks()) {
    if (auto* color = dynamic_cast<spdlog::sinks::stderr_color_sink_mt*>(sink.get())) {
      color->set_color_mode(on ? spdlog::color_mode::always : spdlog::color_mode::never);
    }
  }
}

void set_quiet() {
  spdlog::set_level(spdlog::level::err);
}

bool is_quiet() {
  return spdlog::get_level() >= spdlog::level::err;
}

bool stderr_is_terminal() {
  const char* terminal = std::getenv("TERM");
  const bool dumb = terminal == nullptr || *terminal == '\0' || std::string(terminal) == "dumb";
  return !dumb && ::isatty(STDERR_FILENO) == 1;
}

int run_reporting_errors(const std::function<int()>& body) {
  try {
    return body();
  } catch (const ClosedPipe&) {
    return kOk;
  } catch (const Interrupted& signal) {
    return 128 + signal.number;
  } catch (const UsageError& error) {
    return fail(kUsage, error.what());
  } catch (const ModelError& error) {
    return fail(kModelUnusable, error.what());
  } catch (const DecodingError& error) {
    return fail(kSomeRecordsFailed, error.what());
  } catch (const InputError& error) {
    return fail(kInputUnreadable, error.what());
  } catch (const OutputError& error) {
    return fail(kOutputFailed, error.what());
  } catch (const std::bad_alloc&) {
    return fail(kModelUnusable,
                "out of memory: the model, or the input's attention cache, does not fit");
  } catch (const std::exception& error) {
    return fail(kModelUnusable, std::string("unexpected: ") + error.what());
  }
}

}  // namespace terse
