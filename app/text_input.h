// Whole documents from files or from stdin.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "io/file.h"

namespace terse {

struct Document {
  std::string name;  // as the user wrote it; "stdin"
  std::string text;  // valid UTF-8
};

/// True when stdin is a terminal and no file is named: there is nothing to read, and waiting would
/// look like a hang.
bool nothing_to_read(const std::vector<std::string>& files);

bool is_blank(std::string_view text);

/// The text with U+FFFD in place of bytes that are not UTF-8, and a warning that says where.
std::string valid_utf8(std::string text, const std::string& name);

/// A file that is open for reading; "-" is stdin. Throws InputError.
class InputFile {
 public:
  explicit InputFile(const std::string& file);

  int fd() const;
  const std::string& name() const { return name_; }

 private:
  std::string name_;
  FileDescriptor file_;  // of none: stdin
};

/// Reads one document; "-" is stdin. Bytes that are not UTF-8 become U+FFFD, with a warning that
/// says where. Throws InputError: it cannot be read, or is blank.
Document read_document(const std::string& file);

}  // namespace terse
