#include "app/text_input.h"

#include <fcntl.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "app/signals.h"
#include "core/error.h"
#include "io/file.h"
#include "io/utf8.h"

namespace terse {
namespace {

constexpr size_t kMaxDocumentBytes = size_t{1} << 30;
constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

std::string read_all(int fd, const std::string& name) {
  std::string text;
  char buffer[1 << 16];
  for (;;) {
    const ssize_t n = ::read(fd, buffer, sizeof buffer);
    if (n == 0) return text;
    if (n < 0) {
      if (errno == EINTR) {
        throw_if_signalled();
        continue;
      }
      throw InputError(name + ": cannot be read: " + std::strerror(errno));
    }
    text.append(buffer, size_t(n));
    if (text.size() > kMaxDocumentBytes) throw InputError(name + ": longer than 1 GiB");
  }
}

FileDescriptor open_input(const std::string& file) {
  FileDescriptor fd(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
  if (fd.get() < 0) throw InputError(file + ": cannot be opened: " + std::strerror(errno));
  return fd;
}

}  // namespace

InputFile::InputFile(const std::string& file)
    : name_(file == "-" ? "stdin" : file),
      file_(file == "-" ? FileDescriptor() : open_input(file)) {}

int InputFile::fd() const {
  return file_.get() < 0 ? STDIN_FILENO : file_.get();
}

bool nothing_to_read(const std::vector<std::string>& files) {
  return files.empty() && ::isatty(STDIN_FILENO) == 1;
}

bool is_blank(std::string_view text) {
  return text.find_first_not_of(" \t\r\n\v\f") == std::string_view::npos;
}

std::string valid_utf8(std::string text, const std::string& name) {
  const auto offset = first_invalid_utf8(text);
  if (!offset) return text;
  spdlog::warn("{}: byte {} is not UTF-8; such bytes are read as U+FFFD", name, *offset);
  return replace_invalid_utf8(text);
}

Document read_document(const std::string& file) {
  const InputFile input(file);
  std::string text = read_all(input.fd(), input.name());
  if (text.starts_with(kByteOrderMark)) text.erase(0, kByteOrderMark.size());
  Document document{input.name(), valid_utf8(std::move(text), input.name())};
  if (is_blank(document.text)) throw InputError(document.name + ": the input is empty");
  return document;
}

}  // namespace terse
