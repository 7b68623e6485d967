#include "tests/support/golden.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace terse::test {

std::filesystem::path golden(const std::string& name) {
  return std::filesystem::path(TERSE_TESTS_DIR) / "golden" / name;
}

std::filesystem::path converted(const std::string& name) {
  return std::filesystem::path(TERSE_CONVERTED_GOLDEN_DIR) / name;
}

std::vector<int32_t> id_row(const Npy& ids, size_t row) {
  const size_t length = ids.shape[1];
  return {ids.ints.begin() + long(row * length), ids.ints.begin() + long((row + 1) * length)};
}

std::vector<int32_t> id_row_without_padding(const Npy& ids, size_t row) {
  std::vector<int32_t> result = id_row(ids, row);
  while (!result.empty() && result.back() == 0) result.pop_back();
  return result;
}

ConstMatrix block(const Npy& array, size_t index) {
  const size_t rows = array.shape[1];
  const size_t cols = array.shape[2];
  return {array.floats.data() + index * rows * cols, rows, cols};
}

double largest_difference(ConstMatrix found, ConstMatrix expected) {
  if (found.cols != expected.cols || found.rows > expected.rows) {
    return std::numeric_limits<double>::infinity();
  }
  double largest = 0;
  for (size_t i = 0; i < found.rows; ++i) {
    for (size_t j = 0; j < found.cols; ++j) {
      const double difference = std::abs(double(found.row(i)[j]) - double(expected.row(i)[j]));
      const double relative = difference / (1 + std::abs(double(expected.row(i)[j])));
      if (!(relative <= largest)) {
        largest = std::isfinite(relative) ? relative : std::numeric_limits<double>::infinity();
      }
    }
  }
  return largest;
}

}  // namespace terse::test
