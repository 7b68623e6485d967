#include "io/new_directory.h"

#include <stdlib.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>

#include "core/error.h"

namespace terse {
namespace {

/// Without a slash at its end.
std::filesystem::path target_of(const std::filesystem::path& path) {
  const std::filesystem::path absolute = std::filesystem::absolute(path).lexically_normal();
  return absolute.has_filename() ? absolute : absolute.parent_path();
}

// mkdtemp() makes directories that only their owner may enter.
void open_to_others(const std::filesystem::path& path) {
  const mode_t mask = umask(0);
  umask(mask);
  chmod(path.c_str(), 0777 & ~mask);
}

}  // namespace

NewDirectory::NewDirectory(const std::filesystem::path& path) : target_(target_of(path)) {
  if (std::filesystem::exists(std::filesystem::symlink_status(target_))) {
    throw UsageError(path.string() + " exists already; give another name, or remove it first");
  }
  std::string name = (target_.parent_path() / ("." + target_.filename().string() + ".XXXXXX"));
  if (mkdtemp(name.data()) == nullptr) {
    throw OutputError(path.string() + ": cannot be made: " + std::strerror(errno));
  }
  temporary_ = name;
  open_to_others(temporary_);
}

NewDirectory::~NewDirectory() {
  std::error_code ignored;
  if (!temporary_.empty()) std::filesystem::remove_all(temporary_, ignored);
}

void NewDirectory::commit() {
  // rename() itself would replace an empty directory.
  if (std::filesystem::exists(std::filesystem::symlink_status(target_))) {
    throw OutputError(target_.string() + ": was made by somebody else meanwhile");
  }
  std::error_code error;
  std::filesystem::rename(temporary_, target_, error);
  if (error) throw OutputError(target_.string() + ": cannot be made: " + error.message());
  temporary_.clear();
}

}  // namespace terse
