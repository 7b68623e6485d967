// Rows of weights in any type, read as floats: each type has a pointer-like view of one row that
// load() takes, and an array of such rows. Compiled once for each instruction set, hence no
// `#pragma once`.
#if defined(TERSE_CORE_KERNELS_ROWS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef TERSE_CORE_KERNELS_ROWS_INL_H_
#undef TERSE_CORE_KERNELS_ROWS_INL_H_
#else
#define TERSE_CORE_KERNELS_ROWS_INL_H_
#endif

#include <cstring>

#include "core/kernels/simd-inl.h"

HWY_BEFORE_NAMESPACE();
namespace terse::kernels::HWY_NAMESPACE {

/// From value `at` of a row of 8-bit values on.
struct Int8Row {
  const uint8_t* bytes;
  float scale;

  Int8Row operator+(size_t n) const { return {bytes + n, scale}; }
};

/// From value `at` of a row of 4-bit values on.
struct Int4Row {
  const uint8_t* bytes;
  const uint16_t* scales;  // bfloat16
  size_t at = 0;

  Int4Row operator+(size_t n) const { return {bytes, scales, at + n}; }
};

/// The first lanes of bytes from p, as integers.
template <class D>
HWY_INLINE auto load_bytes(D, const uint8_t* p) {
  return hn::PromoteTo(hn::Rebind<int32_t, D>(), hn::LoadU(hn::Rebind<uint8_t, D>(), p));
}

/// The integers of a full vector from the row, as floats.
template <class D>
HWY_INLINE hn::Vec<D> load_integers(D d, const Int8Row& row) {
  const hn::Rebind<int8_t, D> db;
  const hn::Rebind<uint8_t, D> du;
  const auto offset = hn::Xor(hn::LoadU(du, row.bytes), hn::Set(du, 0x80));
  return from_int8(d, hn::BitCast(db, offset));
}

// A full vector from the row. Vectors start at multiples of their length: a vector of 4-bit values
// lies within half a group.
template <class D>
HWY_INLINE hn::Vec<D> load(D d, const Int8Row& row) {
  return hn::Mul(load_integers(d, row), hn::Set(d, row.scale));
}
template <class D>
HWY_INLINE hn::Vec<D> load(D d, const Int4Row& row) {
  const hn::Rebind<int32_t, D> di;
  constexpr size_t kHalf = kGroup / 2;
  const size_t group = row.at / kGroup;
  const auto bytes = load_bytes(d, row.bytes + group * kHalf + row.at % kHalf);
  const bool high = row.at % kGroup >= kHalf;
  const auto nibbles = high ? hn::ShiftRight<4>(bytes) : hn::And(bytes, hn::Set(di, 15));
  const uint32_t scale = uint32_t{row.scales[group]} << 16;
  float factor;
  std::memcpy(&factor, &scale, sizeof(factor));
  return hn::Mul(hn::ConvertTo(d, hn::Sub(nibbles, hn::Set(di, 8))), hn::Set(d, factor));
}

// A row is padded with zeros to whole groups, so a full vector can be read at its end, too.
template <class D>
HWY_INLINE hn::Vec<D> load_part(D d, const Int8Row& row, size_t) {
  return load(d, row);
}
template <class D>
HWY_INLINE hn::Vec<D> load_part(D d, const Int4Row& row, size_t) {
  return load(d, row);
}

/// Where the bytes of a row's values are, to be prefetched.
template <class T>
HWY_INLINE const void* address_of(const T* row) {
  return row;
}
HWY_INLINE const void* address_of(const Int8Row& row) {
  return row.bytes;
}
HWY_INLINE const void* address_of(const Int4Row& row) {
  return row.bytes + row.at / 2;
}

/// Values of a row in a cache line.
template <class Row>
struct LineOf;
template <class T>
struct LineOf<const T*> {
  static constexpr size_t kValues = 64 / sizeof(T);
};
template <>
struct LineOf<Int8Row> {
  static constexpr size_t kValues = 64;
};
template <>
struct LineOf<Int4Row> {
  static constexpr size_t kValues = 128;
};

/// An array of rows of d values.
template <class T>
struct FloatRows {
  const T* first;
  size_t d;

  const T* operator[](size_t i) const { return first + i * d; }
};
struct Int8Rows {
  const std::byte* first;
  size_t d;

  Int8Row operator[](size_t i) const {
    const std::byte* row = first + i * row_bytes(DType::int8, d);
    float scale;
    std::memcpy(&scale, row + groups_of(d) * kGroup, sizeof(scale));
    return {reinterpret_cast<const uint8_t*>(row), scale};
  }
};
struct Int4Rows {
  const std::byte* first;
  size_t d;

  Int4Row operator[](size_t i) const {
    const std::byte* row = first + i * row_bytes(DType::int4, d);
    return {reinterpret_cast<const uint8_t*>(row),
            reinterpret_cast<const uint16_t*>(row + groups_of(d) * kGroup / 2)};
  }
};

/// Calls use(rows) with the rows of d values that the view holds.
template <class Use>
HWY_INLINE void with_rows(WeightView w, size_t d, const Use& use) {
  switch (w.dtype) {
    case DType::bf16:
      return use(FloatRows<uint16_t>{bf16_of(w), d});
    case DType::int8:
      return use(Int8Rows{w.data, d});
    case DType::int4:
      return use(Int4Rows{w.data, d});
    default:
      return use(FloatRows<float>{f32_of(w), d});
  }
}

}  // namespace terse::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
