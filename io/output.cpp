// write(2) until all is out; a full pipe that does not block is waited for.
#include "io/output.h"

#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace terse {

void Output::write(std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(fd_, text.data(), text.size());
    if (written >= 0) {
      text.remove_prefix(static_cast<size_t>(written));
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      pollfd ready{.fd = fd_, .events = POLLOUT, .revents = 0};
      poll(&ready, 1, -1);
    } else if (errno == EPIPE) {
      throw ClosedPipe(name_ + ": the reader is gone");
    } else if (errno != EINTR) {
      throw OutputError(name_ + ": cannot be written: " + std::strerror(errno));
    }
  }
}

void Output::write_line(std::string_view line) {
  line_.assign(line);
  line_ += '\n';
  write(line_);
}

}  // namespace terse
