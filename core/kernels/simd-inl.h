// What the kernels share in vector code: loads of weights as floats, partial vectors at the end of
// an array, and sums across lanes in an order that depends on nothing but the width of a vector.
// Compiled once for each instruction set, hence no `#pragma once`.
#if defined(TERSE_CORE_KERNELS_SIMD_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef TERSE_CORE_KERNELS_SIMD_INL_H_
#undef TERSE_CORE_KERNELS_SIMD_INL_H_
#else
#define TERSE_CORE_KERNELS_SIMD_INL_H_
#endif

#include <hwy/cache_control.h>
#include <hwy/highway.h>

#include <cstddef>
#include <cstdint>
#include <utility>

#include "core/kernels/weight_view.h"

/// For lambdas: where GCC leaves one out of line, the arrays that it refers to are not in
/// registers.
#define TERSE_INLINED __attribute__((always_inline))

HWY_BEFORE_NAMESPACE();
namespace terse::kernels::HWY_NAMESPACE {

/// body(0) ... body(n - 1), with indices that are constants of the type: arrays that are used with
/// them alone live in registers.
template <class Body, size_t... i>
HWY_INLINE void for_each_index(const Body& body, std::index_sequence<i...>) {
  (body(std::integral_constant<size_t, i>()), ...);
}
template <size_t n, class Body>
HWY_INLINE void unrolled(const Body& body) {
  for_each_index(body, std::make_index_sequence<n>());
}

namespace hn = hwy::HWY_NAMESPACE;

using Floats = hn::ScalableTag<float>;
using FloatVec = hn::Vec<Floats>;
using Shorts = hn::ScalableTag<int16_t>;
using ShortVec = hn::Vec<Shorts>;

// Vectors of columns whose sums are kept side by side in registers: 64 floats with AVX2 and
// AVX-512.
#if HWY_TARGET <= HWY_AVX3
constexpr size_t kColumnVectors = 4;
#else
constexpr size_t kColumnVectors = 8;
#endif

HWY_INLINE const float* f32_of(WeightView view) {
  return reinterpret_cast<const float*>(view.data);
}
/// bfloat16 as it is stored: the upper half of a float.
HWY_INLINE const uint16_t* bf16_of(WeightView view) {
  return reinterpret_cast<const uint16_t*>(view.data);
}

/// bfloat16 values as floats: exact.
template <class D, class V16>
HWY_INLINE hn::Vec<D> widened(D d, V16 halves) {
  const hn::RebindToUnsigned<D> du;
  return hn::BitCast(d, hn::ShiftLeft<16>(hn::PromoteTo(du, halves)));
}

/// Small integers as floats: exact.
template <class D, class V8>
HWY_INLINE hn::Vec<D> from_int8(D d, V8 integers) {
  return hn::ConvertTo(d, hn::PromoteTo(hn::RebindToSigned<D>(), integers));
}

/// v, which is not loaded once more for each use: as operands of products, loads would hold up
/// processors that begin two products a cycle.
HWY_INLINE FloatVec in_register(FloatVec v) {
#if HWY_ARCH_X86 && HWY_TARGET <= HWY_AVX2
  asm("" : "+v"(v.raw));
#endif
  return v;
}

/// A full vector from p, of floats, of bfloat16 or of 8-bit integers.
template <class D>
HWY_INLINE hn::Vec<D> load(D d, const float* p) {
  return hn::LoadU(d, p);
}
template <class D>
HWY_INLINE hn::Vec<D> load(D d, const uint16_t* p) {
  return widened(d, hn::LoadU(hn::Rebind<uint16_t, D>(), p));
}
template <class D>
HWY_INLINE hn::Vec<D> load(D d, const int8_t* p) {
  return from_int8(d, hn::LoadU(hn::Rebind<int8_t, D>(), p));
}

/// The first `n` <= lanes from p, the others zero. Reads nothing beyond p[n - 1]: instruction sets
/// without masked loads go through a small buffer.
template <class D, class T>
HWY_INLINE hn::Vec<D> load_first(D, const T* p, size_t n) {
#if HWY_TARGET <= HWY_AVX3
  return hn::MaskedLoad(hn::FirstN(D(), n), D(), p);
#else
  if (n == hn::Lanes(D())) return hn::LoadU(D(), p);
  HWY_ALIGN T buffer[hn::MaxLanes(D())] = {};
  for (size_t i = 0; i < n; ++i) buffer[i] = p[i];
  return hn::Load(D(), buffer);
#endif
}
template <class D>
HWY_INLINE hn::Vec<D> load_part(D d, const float* p, size_t n) {
  return load_first(d, p, n);
}
template <class D>
HWY_INLINE hn::Vec<D> load_part(D d, const uint16_t* p, size_t n) {
  return widened(d, load_first(hn::Rebind<uint16_t, D>(), p, n));
}
template <class D>
HWY_INLINE hn::Vec<D> load_part(D d, const int8_t* p, size_t n) {
  return from_int8(d, load_first(hn::Rebind<int8_t, D>(), p, n));
}

/// Writes the first `n` <= lanes.
template <class D, class T>
HWY_INLINE void store_part(D d, hn::Vec<D> v, T* p, size_t n) {
#if HWY_TARGET <= HWY_AVX3
  hn::BlendedStore(v, hn::FirstN(d, n), d, p);
#else
  if (n == hn::Lanes(d)) return hn::StoreU(v, d, p);
  HWY_ALIGN T buffer[hn::MaxLanes(D())];
  hn::Store(v, d, buffer);
  for (size_t i = 0; i < n; ++i) p[i] = buffer[i];
#endif
}

struct AddLanes {
  template <class V>
  HWY_INLINE V operator()(V a, V b) const {
    return hn::Add(a, b);
  }
};

struct LargerLanes {
  template <class V>
  HWY_INLINE V operator()(V a, V b) const {
    return hn::Max(a, b);
  }
};
/// Op on the bits of floats as integers.
template <class Op>
struct OnBits {
  template <class V>
  HWY_INLINE V operator()(V a, V b) const {
    const hn::RebindToSigned<hn::DFromV<V>> di;
    return hn::BitCast(hn::DFromV<V>(), Op()(hn::BitCast(di, a), hn::BitCast(di, b)));
  }
};
using AddBits = OnBits<AddLanes>;
using MaxBits = OnBits<LargerLanes>;  // of magnitudes: NaN is the largest

#if HWY_TARGET == HWY_SCALAR
/// results[0..3] = the four values: a vector is one float here.
template <class Op>
HWY_INLINE void fold_lanes(Op, FloatVec a, FloatVec b, FloatVec c, FloatVec e, float* results) {
  results[0] = hn::GetLane(a);
  results[1] = hn::GetLane(b);
  results[2] = hn::GetLane(c);
  results[3] = hn::GetLane(e);
}
#else
/// The lanes of a vector of [a b c e a b c e ...] folded to its first four.
template <class Op, class D>
HWY_INLINE void fold_blocks(Op op, D d, hn::Vec<D> v, float* results) {
  if constexpr (hn::MaxLanes(D()) > 4) {
    const hn::Half<D> dh;
    fold_blocks(op, dh, op(hn::LowerHalf(dh, v), hn::UpperHalf(dh, v)), results);
  } else {
    hn::StoreU(v, d, results);
  }
}

/// [a0 + a2, b0 + b2, a1 + a3, b1 + b3] in each block of four lanes, as pairs; + stands for op.
template <class Op>
HWY_INLINE auto fold_pair(Op op, FloatVec a, FloatVec b) {
  const Floats d;
  const FloatVec folded = op(hn::InterleaveLower(d, a, b), hn::InterleaveUpper(d, a, b));
  return hn::BitCast(hn::Repartition<uint64_t, Floats>(), folded);
}

/// results[0..3] = the lanes of each of four vectors, folded by op. The order in which the lanes of
/// a vector are taken does not depend on which of the four it is.
template <class Op>
HWY_INLINE void fold_lanes(Op op, FloatVec a, FloatVec b, FloatVec c, FloatVec e, float* results) {
  const Floats d;
  const hn::Repartition<uint64_t, Floats> pairs;
  const auto ab = fold_pair(op, a, b);
  const auto ce = fold_pair(op, c, e);
  const FloatVec low = hn::BitCast(d, hn::InterleaveLower(pairs, ab, ce));
  const FloatVec high = hn::BitCast(d, hn::InterleaveUpper(pairs, ab, ce));
  fold_blocks(op, d, op(low, high), results);
}
#endif

/// sums[0..3] = the sums of the lanes of four vectors.
HWY_INLINE void sum_lanes(FloatVec a, FloatVec b, FloatVec c, FloatVec e, float* sums) {
  fold_lanes(AddLanes(), a, b, c, e, sums);
}

/// The largest magnitude of n values; NaN if there is one.
HWY_INLINE float largest_magnitude(const float* x, size_t n) {
  const Floats d;
  const hn::RebindToSigned<Floats> di;
  const size_t lanes = hn::Lanes(d);
  FloatVec largest = hn::Zero(d);
  size_t i = 0;
  for (; i + lanes <= n; i += lanes) {
    largest = MaxBits()(largest, hn::Abs(hn::LoadU(d, x + i)));
  }
  if (i < n) largest = MaxBits()(largest, hn::Abs(load_part(d, x + i, n - i)));
  return hn::GetLane(hn::BitCast(d, hn::MaxOfLanes(di, hn::BitCast(di, largest))));
}

HWY_INLINE float sum_lanes(FloatVec v) {
  return hn::GetLane(hn::SumOfLanes(Floats(), v));
}

}  // namespace terse::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
