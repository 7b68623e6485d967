// A directory under construction: a temporary sibling that takes its place at the end, or vanishes.
#pragma once

#include <filesystem>

namespace terse {

class NewDirectory {
 public:
  /// Makes the temporary directory. Throws UsageError when `path` exists, OutputError when nothing
  /// can be made beside it.
  explicit NewDirectory(const std::filesystem::path& path);
  /// Removes what was not committed.
  ~NewDirectory();
  NewDirectory(const NewDirectory&) = delete;
  NewDirectory& operator=(const NewDirectory&) = delete;

  /// The temporary directory, to be filled.
  const std::filesystem::path& path() const { return temporary_; }

  /// Puts the directory in its place. Throws OutputError.
  void commit();

 private:
  std::filesystem::path target_;
  std::filesystem::path temporary_;  // empty once it is in its place
};

}  // namespace terse
