// Mapping and allocating straight from the system, because alignment and page size matter here.
#include "io/memory.h"

#include <sys/mman.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <string>

#include "core/error.h"

namespace terse {
namespace {

constexpr size_t kHugePage = size_t{2} << 20;
constexpr size_t kHugePagesFrom = 2 * kHugePage;

void unmap(std::span<const std::byte> bytes) {
  if (!bytes.empty()) munmap(const_cast<std::byte*>(bytes.data()), bytes.size());
}

}  // namespace

MappedFile::MappedFile(const FileDescriptor& file, uint64_t size,
                       const std::filesystem::path& path) {
  if (size == 0) return;
  void* address = mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file.get(), 0);
  if (address == MAP_FAILED) {
    throw ModelError(path.string() + ": cannot be mapped: " + std::strerror(errno));
  }
  bytes_ = {static_cast<const std::byte*>(address), size};
}

MappedFile& MappedFile::operator=(MappedFile&& other) noexcept {
  std::swap(bytes_, other.bytes_);
  return *this;
}

MappedFile::~MappedFile() {
  unmap(bytes_);
}

AnonymousMemory::AnonymousMemory(size_t size) {
  if (size == 0) return;
  const bool huge = size >= kHugePagesFrom;
  const size_t mapped = huge ? size + kHugePage : size;  // pages are aligned to more than 64 bytes
  void* address = mmap(nullptr, mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (address == MAP_FAILED) {
    throw ModelError("no memory for " + std::to_string(size) +
                     " bytes of weights: " + std::strerror(errno));
  }
  mapping_ = {static_cast<std::byte*>(address), mapped};
  size_t skip = 0;
  if (huge) {
    const auto start = reinterpret_cast<uintptr_t>(address);
    skip = (kHugePage - start % kHugePage) % kHugePage;
    madvise(mapping_.data() + skip, size, MADV_HUGEPAGE);  // a wish: without it all still works
  }
  bytes_ = mapping_.subspan(skip, size);
}

AnonymousMemory::AnonymousMemory(AnonymousMemory&& other) noexcept
    : mapping_(std::exchange(other.mapping_, {})), bytes_(std::exchange(other.bytes_, {})) {}

AnonymousMemory& AnonymousMemory::operator=(AnonymousMemory&& other) noexcept {
  std::swap(mapping_, other.mapping_);
  std::swap(bytes_, other.bytes_);
  return *this;
}

AnonymousMemory::~AnonymousMemory() {
  unmap(mapping_);
}

void AnonymousMemory::make_read_only() {
  if (!mapping_.empty()) mprotect(mapping_.data(), mapping_.size(), PROT_READ);
}

uint64_t available_memory() {
  std::ifstream meminfo("/proc/meminfo");
  for (std::string key, unit; meminfo >> key;) {
    uint64_t kibibytes = 0;
    if (!(meminfo >> kibibytes)) break;
    std::getline(meminfo, unit);
    if (key == "MemAvailable:") return kibibytes << 10;
  }
  return 0;
}

}  // namespace terse
