// Where golden cases lie, and how their numbers are compared (tests/golden/README.md, "Tolerance").
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "core/matrix.h"
#include "tests/support/npy.h"

namespace terse::test {

/// tests/golden/CASE: what Trax computed.
std::filesystem::path golden(const std::string& name);
/// The case as the converter made a model directory of it: converted(CASE) / "split".
std::filesystem::path converted(const std::string& name);

/// Rows of a [batch, length] array of ids.
std::vector<int32_t> id_row(const Npy& ids, size_t row);
/// The same without the padding (zeros) at its end.
std::vector<int32_t> id_row_without_padding(const Npy& ids, size_t row);

/// The [rows, cols] block of a [batch, rows, cols] array.
ConstMatrix block(const Npy& array, size_t index);

/// Largest |a - b| / (1 + |b|) over the rows of `found`; infinite where a value is not finite. 1e-4
/// is the tolerance of golden/README.md, |a - b| <= 1e-4 + 1e-4 |b|. `expected` may have more rows.
double largest_difference(ConstMatrix found, ConstMatrix expected);

}  // namespace terse::test
