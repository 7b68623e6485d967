// Reading memory: every byte counts, once, whatever the pattern.
#include "core/kernels/read_memory.h"

#include <catch2/catch.hpp>
#include <numeric>
#include <span>

#include "tests/core/kernels/kernel_test.h"

using namespace terse;
using namespace terse::kernels;

namespace {

std::vector<uint64_t> random_words(size_t bytes) {
  std::mt19937_64 generator(bytes);
  std::vector<uint64_t> words(bytes / sizeof(uint64_t));
  for (uint64_t& word : words) word = generator();
  return words;
}

uint64_t sum_of(std::span<const uint64_t> words) {
  return std::accumulate(words.begin(), words.end(), uint64_t{0});
}

const std::byte* bytes_of(const std::vector<uint64_t>& words) {
  return reinterpret_cast<const std::byte*>(words.data());
}

}  // namespace

TEST_CASE("read_in_order reads all of each stream once") {
  for_each_isa([] {
    for (const size_t streams : {1, 2, 4, 8}) {
      for (const size_t ahead : {0, 512, 8192}) {
        const auto words = random_words(streams * 5 * kReadStep);
        const size_t bytes = words.size() * sizeof(uint64_t);
        CHECK(read_in_order(bytes_of(words), bytes, {streams, ahead}) == sum_of(words));
        // What is less than a step is left out.
        CHECK(read_in_order(bytes_of(words), bytes - 1, {1, ahead}) ==
              sum_of(std::span(words).first(words.size() - kReadStep / sizeof(uint64_t))));
      }
    }
  });
}

TEST_CASE("read_rows reads each row that is named, as often as it is named") {
  for_each_isa([] {
    for (const size_t row_bytes : {kReadStep, 3 * kReadStep}) {
      const auto words = random_words(10 * row_bytes);
      const size_t row_words = row_bytes / sizeof(uint64_t);
      const std::vector<uint32_t> rows{0, 3, 3, 9, 1};
      uint64_t expected = 0;
      for (const uint32_t row : rows) {
        expected += sum_of(std::span(words).subspan(row * row_words, row_words));
      }
      for (const size_t ahead : {size_t{0}, kReadStep, 4 * kReadStep, 100 * kReadStep}) {
        CHECK(read_rows(bytes_of(words), row_bytes, rows.data(), rows.size(), ahead) == expected);
      }
    }
  });
}
