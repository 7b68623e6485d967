#include "core/kernels/pack.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <span>
#include <vector>

namespace terse::kernels {
namespace {

uint8_t* bytes_at(std::byte* out, size_t offset) {
  return reinterpret_cast<uint8_t*>(out) + offset;
}
const uint8_t* bytes_at(const std::byte* in, size_t offset) {
  return reinterpret_cast<const uint8_t*>(in) + offset;
}

template <class T>
void write_at(std::byte* out, size_t offset, T value) {
  std::memcpy(out + offset, &value, sizeof(value));
}
template <class T>
T read_at(const std::byte* in, size_t offset) {
  T value;
  std::memcpy(&value, in + offset, sizeof(value));
  return value;
}

uint16_t rounded_to_bf16(float value) {
  const uint32_t bits = std::bit_cast<uint32_t>(value);
  return uint16_t((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}
float from_bf16(uint16_t half) {
  return std::bit_cast<float>(uint32_t{half} << 16);
}

float largest_magnitude(std::span<const float> x) {
  float largest = 0.0f;
  for (const float value : x) largest = std::max(largest, std::abs(value));
  return largest;
}

/// round(value / scale) + middle, within 0 .. 2 * middle - 1.
uint8_t quantized(float value, float scale, int middle) {
  if (scale == 0.0f) return uint8_t(middle);
  const float q = std::nearbyint(value / scale) + float(middle);
  return uint8_t(std::clamp(q, 0.0f, float(2 * middle - 1)));
}

constexpr int kMiddle8 = 128;
constexpr int kMiddle4 = 8;

float int8_scale(std::span<const float> row) {
  return largest_magnitude(row) / 127.0f;
}

float squared_error(std::span<const float> x, float scale) {
  float sum = 0.0f;
  for (const float value : x) {
    const float back = scale * float(quantized(value, scale, kMiddle4) - kMiddle4);
    sum += (value - back) * (value - back);
  }
  return sum;
}

/// The scale of a group of 4-bit values: the value of largest magnitude becomes -8 of it, or a
/// little more, whatever leaves the smallest squared error.
uint16_t int4_scale(std::span<const float> group) {
  float extreme = 0.0f;
  for (const float value : group) {
    if (std::abs(value) > std::abs(extreme)) extreme = value;
  }
  if (!std::isfinite(extreme)) return rounded_to_bf16(extreme);
  uint16_t best = 0;
  float least = INFINITY;
  for (const float steps : {-8.0f, -7.5f, -7.0f, 8.0f, 7.5f, 7.0f}) {
    const uint16_t scale = rounded_to_bf16(extreme / steps);
    const float error = squared_error(group, from_bf16(scale));
    if (error < least) {
      least = error;
      best = scale;
    }
  }
  return best;
}

/// One row at a time of a matrix of k terms, in runs that are each filled with zeros to whole
/// groups.
class PaddedRow {
 public:
  PaddedRow(size_t k, size_t run)
      : run_(run), padded_run_(groups_of(run) * kGroup), values_(round_up(k, padded_run_)) {}

  std::span<const float> load(const float* x, size_t stride) {
    for (size_t j = 0, begin = 0; begin < values_.size(); begin += padded_run_) {
      for (size_t i = 0; i < run_; ++i, ++j) values_[begin + i] = x[j * stride];
    }
    return values_;
  }

 private:
  size_t run_;
  size_t padded_run_;
  std::vector<float> values_;
};

void pack_int8_row(std::span<const float> row, std::byte* out) {
  const float scale = int8_scale(row);
  for (size_t j = 0; j < row.size(); ++j) *bytes_at(out, j) = quantized(row[j], scale, kMiddle8);
  write_at(out, row.size(), scale);
}

void pack_int4_row(std::span<const float> row, std::byte* out) {
  const size_t groups = row.size() / kGroup;
  for (size_t g = 0; g < groups; ++g) {
    const auto group = row.subspan(g * kGroup, kGroup);
    const uint16_t scale = int4_scale(group);
    for (size_t i = 0; i < kGroup / 2; ++i) {
      const uint8_t low = quantized(group[i], from_bf16(scale), kMiddle4);
      const uint8_t high = quantized(group[i + kGroup / 2], from_bf16(scale), kMiddle4);
      *bytes_at(out, g * kGroup / 2 + i) = uint8_t(low | high << 4);
    }
    write_at(out, groups * kGroup / 2 + 2 * g, scale);
  }
}

/// Writes row i of a panel. `panel` is zeroed memory.
void pack_int8_output(std::span<const float> row, size_t i, std::byte* panel) {
  const float scale = int8_scale(row);
  write_at(panel, i * sizeof(float), scale);
  uint8_t* values = bytes_at(panel, panel_scale_bytes(DType::int8, row.size()));
  for (size_t j = 0; j < row.size(); ++j) {
    values[j / 4 * 4 * kPanel + i * 4 + j % 4] = quantized(row[j], scale, kMiddle8);
  }
}

void pack_int4_output(std::span<const float> row, size_t i, std::byte* panel) {
  uint8_t* values = bytes_at(panel, panel_scale_bytes(DType::int4, row.size()));
  for (size_t g = 0; g < row.size() / kGroup; ++g) {
    const auto group = row.subspan(g * kGroup, kGroup);
    const uint16_t scale = int4_scale(group);
    write_at(panel, (g * kPanel + i) * 2, scale);
    for (size_t j = 0; j < kGroup; ++j) {
      const size_t step = (g * kGroup + j) / 4;
      uint8_t& byte = values[step / 2 * 4 * kPanel + i * 4 + j % 4];
      byte = uint8_t(byte | quantized(group[j], from_bf16(scale), kMiddle4) << (step % 2 * 4));
    }
  }
}

/// Terms of a row without the padding of a kernel's runs.
size_t terms_of(TensorKind kind, const PackedShape& s) {
  return kind == TensorKind::kernel ? s.k / (groups_of(s.run) * kGroup) * s.run : s.k;
}

}  // namespace

void pack_row(const float* x, size_t d, DType dtype, std::byte* out) {
  std::memset(out, 0, row_bytes(dtype, d));
  PaddedRow padded(d, d);
  dtype == DType::int8 ? pack_int8_row(padded.load(x, 1), out)
                       : pack_int4_row(padded.load(x, 1), out);
}

void pack_panels(const float* x, size_t row_stride, size_t column_stride, size_t n, size_t k,
                 size_t run, DType dtype, std::byte* out) {
  std::memset(out, 0, matrix_bytes(dtype, n, k));
  PaddedRow padded(k, run);
  for (size_t i = 0; i < n; ++i) {
    std::byte* panel = out + i / kPanel * panel_bytes(dtype, k);
    const std::span<const float> row = padded.load(x + i * row_stride, column_stride);
    dtype == DType::int8 ? pack_int8_output(row, i % kPanel, panel)
                         : pack_int4_output(row, i % kPanel, panel);
  }
}

void pack(const float* x, TensorKind kind, const Shape& shape, DType dtype, std::byte* out) {
  pack_part(x, kind, shape, dtype, 0, pack_units(kind, shape), out);
}

// A unit is a row, or a panel.
size_t pack_units(TensorKind kind, const Shape& shape) {
  const PackedShape s = packed_shape(kind, shape);
  return s.panels ? s.stacks * (round_up(s.n, kPanel) / kPanel) : s.stacks;
}

void pack_part(const float* x, TensorKind kind, const Shape& shape, DType dtype, size_t begin,
               size_t end, std::byte* out) {
  const PackedShape s = packed_shape(kind, shape);
  const size_t panels = round_up(s.n, kPanel) / kPanel;
  const bool columns = kind == TensorKind::columns;
  for (size_t unit = begin; unit < end; ++unit) {
    if (!s.panels) {
      pack_row(x + unit * s.k, s.k, dtype, out + unit * row_bytes(dtype, s.k));
      continue;
    }
    const size_t first = unit % panels * kPanel;
    const size_t k = terms_of(kind, s);
    const float* from = x + unit / panels * s.n * k + first * (columns ? 1 : k);
    pack_panels(from, columns ? 1 : k, columns ? s.n : 1, std::min(kPanel, s.n - first), s.k, s.run,
                dtype, out + unit * panel_bytes(dtype, s.k));
  }
}

void set_scales(DType dtype, bool panel, size_t k, float scale, std::byte* packed) {
  const size_t values = groups_of(k) * kGroup;
  std::byte* first = panel ? packed : packed + (dtype == DType::int8 ? values : values / 2);
  if (dtype == DType::int8) {
    for (size_t i = 0; i < (panel ? kPanel : 1); ++i) write_at(first, i * sizeof(float), scale);
    return;
  }
  const size_t count = groups_of(k) * (panel ? kPanel : 1);
  for (size_t i = 0; i < count; ++i) write_at(first, 2 * i, rounded_to_bf16(scale));
}

void to_bf16(const float* x, size_t n, uint16_t* out) {
  for (size_t i = 0; i < n; ++i) {
    out[i] = std::isnan(x[i]) ? uint16_t(0x7fc0) : rounded_to_bf16(x[i]);
  }
}

float unpack_panels(const std::byte* packed, DType dtype, size_t k, size_t i, size_t j) {
  const std::byte* panel = packed + i / kPanel * panel_bytes(dtype, k);
  const uint8_t* values = bytes_at(panel, panel_scale_bytes(dtype, k));
  const size_t step = j / 4;
  const size_t place = i % kPanel * 4 + j % 4;
  if (dtype == DType::int8) {
    const auto scale = read_at<float>(panel, i % kPanel * sizeof(float));
    return scale * float(values[step * 4 * kPanel + place] - kMiddle8);
  }
  const auto scale = read_at<uint16_t>(panel, (j / kGroup * kPanel + i % kPanel) * 2);
  const int nibble = values[step / 2 * 4 * kPanel + place] >> (step % 2 * 4) & 15;
  return from_bf16(scale) * float(nibble - kMiddle4);
}

float unpack_row(const std::byte* packed, DType dtype, size_t d, size_t j) {
  const size_t padded = groups_of(d) * kGroup;
  if (dtype == DType::int8) {
    return read_at<float>(packed, padded) * float(*bytes_at(packed, j) - kMiddle8);
  }
  const size_t group = j / kGroup;
  const size_t i = j % kGroup;
  const auto scale = read_at<uint16_t>(packed, padded / 2 + 2 * group);
  const int byte = *bytes_at(packed, group * kGroup / 2 + i % (kGroup / 2));
  return from_bf16(scale) * float((byte >> (i / (kGroup / 2) * 4) & 15) - kMiddle4);
}

void unpack(const std::byte* packed, TensorKind kind, const Shape& shape, DType dtype, float* out) {
  const PackedShape s = packed_shape(kind, shape);
  const size_t terms = terms_of(kind, s);
  for (size_t i = 0; i < s.stacks; ++i) {
    const std::byte* from =
        packed + i * (s.panels ? matrix_bytes(dtype, s.n, s.k) : row_bytes(dtype, s.k));
    for (size_t j = 0; j < s.n * terms; ++j, ++out) {
      if (kind == TensorKind::columns) {
        *out = unpack_panels(from, dtype, s.k, j % s.n, j / s.n);
      } else if (kind == TensorKind::kernel) {
        const size_t term = j % terms;
        *out = unpack_panels(from, dtype, s.k, j / terms,
                             term / s.run * groups_of(s.run) * kGroup + term % s.run);
      } else {
        *out = s.panels ? unpack_panels(from, dtype, s.k, j / s.k, j % s.k)
                        : unpack_row(from, dtype, s.k, j);
      }
    }
  }
}

}  // namespace terse::kernels
