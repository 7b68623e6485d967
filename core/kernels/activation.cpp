// The pointwise non-linearities of Trax over vectors.
#include "core/kernels/activation.h"

#include <algorithm>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "core/kernels/activation.cpp"
#include <hwy/foreach_target.h>
// clang-format off: foreach_target.h comes first
#include "core/kernels/math-inl.h"
// clang-format on

HWY_BEFORE_NAMESPACE();
namespace terse::kernels::HWY_NAMESPACE {

HWY_INLINE FloatVec constant(float value) {
  return hn::Set(Floats(), value);
}

struct Relu {
  // Where x <= 0, not a maximum, so that NaN stays NaN.
  FloatVec operator()(FloatVec x) const {
    return hn::IfThenZeroElse(hn::Le(x, hn::Zero(Floats())), x);
  }
};

/// Half of erfc(z) for z >= 0: t P(t) e^(-z^2) / 2 with t = 1 / (1 + z/2). P is a least-squares fit
/// in Chebyshev form over z in [0, 11], relative error 5e-8.
HWY_INLINE FloatVec half_erfc(FloatVec z) {
  constexpr float kCoefficients[] = {-0.060245007f, 0.29009232f,   -0.49812523f,
                                     0.28994471f,   -0.034344576f, 0.2057427f,
                                     0.24238752f,   0.28246579f,   0.28208172f};
  const FloatVec t = hn::Div(constant(1.0f), hn::MulAdd(z, constant(0.5f), constant(1.0f)));
  FloatVec p = hn::Zero(Floats());
  for (const float c : kCoefficients) p = hn::MulAdd(p, t, constant(c));
  return hn::Mul(hn::Mul(hn::Mul(p, t), constant(0.5f)), exp(hn::Neg(hn::Mul(z, z))));
}

struct Gelu {
  // x (1 + erf(x / sqrt(2))) / 2, without the cancellation at negative x.
  FloatVec operator()(FloatVec x) const {
    const FloatVec tail = half_erfc(hn::Mul(hn::Abs(x), constant(0.70710678f)));
    const auto negative = hn::Lt(x, hn::Zero(Floats()));
    return hn::Mul(x, hn::IfThenElse(negative, tail, hn::Sub(constant(1.0f), tail)));
  }
};

struct FastGelu {
  FloatVec operator()(FloatVec x) const {
    const FloatVec cubic = hn::MulAdd(hn::Mul(x, x), constant(0.044715f), constant(1.0f));
    const FloatVec t = tanh(hn::Mul(hn::Mul(x, constant(0.7978845608f)), cubic));
    return hn::Mul(hn::Mul(x, constant(0.5f)), hn::Add(constant(1.0f), t));
  }
};

struct Sigmoid {
  FloatVec operator()(FloatVec x) const { return sigmoid(x); }
};

struct Tanh {
  FloatVec operator()(FloatVec x) const { return tanh(x); }
};

struct HardSigmoid {
  // Trax: no slope of 0.2 and no 0.5, but 1 + x between 0 and 1.
  FloatVec operator()(FloatVec x) const {
    return or_nan(x, clamp(hn::Add(x, constant(1.0f)), 0.0f, 1.0f));
  }
};

struct Elu {
  FloatVec operator()(FloatVec x) const {
    return hn::IfThenElse(hn::Gt(x, hn::Zero(Floats())), x, expm1(x));
  }
};

struct Selu {
  FloatVec operator()(FloatVec x) const {
    constexpr float kAlpha = 1.6732632423543772848f;
    constexpr float kLambda = 1.0507009873554804934f;
    const FloatVec negative = hn::Mul(constant(kAlpha), expm1(x));
    return hn::Mul(constant(kLambda), hn::IfThenElse(hn::Gt(x, hn::Zero(Floats())), x, negative));
  }
};

struct Softplus {
  // ln(e^x + 1) = max(x, 0) + ln(1 + e^-|x|)
  FloatVec operator()(FloatVec x) const {
    const FloatVec small = exp(hn::Neg(hn::Abs(x)));
    const FloatVec above = hn::Max(x, hn::Zero(Floats()));
    return or_nan(x, hn::Add(above, hn::Log1p(Floats(), small)));
  }
};

template <class Function>
void apply(Function f, float* x, size_t n) {
  const Floats d;
  const size_t lanes = hn::Lanes(d);
  for (size_t i = 0; i < n; i += lanes) {
    const size_t part = std::min(lanes, n - i);
    store_part(d, f(load_part(d, x + i, part)), x + i, part);
  }
}

void activate(Activation kind, float* x, size_t n) {
  switch (kind) {
    case Activation::relu:
      return apply(Relu(), x, n);
    case Activation::gelu:
      return apply(Gelu(), x, n);
    case Activation::fast_gelu:
      return apply(FastGelu(), x, n);
    case Activation::sigmoid:
      return apply(Sigmoid(), x, n);
    case Activation::tanh:
      return apply(Tanh(), x, n);
    case Activation::hard_sigmoid:
      return apply(HardSigmoid(), x, n);
    case Activation::elu:
      return apply(Elu(), x, n);
    case Activation::selu:
      return apply(Selu(), x, n);
    case Activation::softplus:
      return apply(Softplus(), x, n);
  }
}

}  // namespace terse::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace terse::kernels {
HWY_EXPORT(activate);

void activate(Activation kind, float* x, size_t n) {
  HWY_DYNAMIC_DISPATCH(activate)(kind, x, n);
}

}  // namespace terse::kernels
#endif
