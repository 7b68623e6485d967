// Plain loops: no vectors, no blocks, sums in double.
#include "core/kernels/reference.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

namespace terse::kernels::reference {
namespace {

double sigmoid(double x) {
  return 1 / (1 + std::exp(-x));
}

double activated(Activation kind, double x) {
  constexpr double kAlpha = 1.6732632423543772848170429916717;
  constexpr double kLambda = 1.0507009873554804934193349852946;
  switch (kind) {
    case Activation::relu:
      return x <= 0 ? 0 : x;
    case Activation::gelu:
      return x / 2 * std::erfc(-x / std::sqrt(2.0));
    case Activation::fast_gelu: {
      return x / 2 * (1 + std::tanh(0.7978845608 * x * (1 + 0.044715 * x * x)));
    }
    case Activation::sigmoid:
      return sigmoid(x);
    case Activation::tanh:
      return std::tanh(x);
    case Activation::hard_sigmoid:
      return std::isnan(x) ? x : std::clamp(1 + x, 0.0, 1.0);
    case Activation::elu:
      return x > 0 ? x : std::expm1(x);
    case Activation::selu:
      return kLambda * (x > 0 ? x : kAlpha * std::expm1(x));
    case Activation::softplus:
      return x > 0 ? x + std::log1p(std::exp(-x)) : std::log1p(std::exp(x));
  }
  return x;
}

// The upper half of a float, rounded to nearest even. NaN stays NaN.
uint16_t to_bf16(float value) {
  const uint32_t bits = std::bit_cast<uint32_t>(value);
  if (value != value) return static_cast<uint16_t>(bits >> 16 | 0x40);
  return static_cast<uint16_t>((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

float store_int8(const float* x, size_t d, std::byte* row) {
  float largest = 0;
  bool finite = true;
  for (size_t c = 0; c < d; ++c) {
    largest = std::max(largest, std::abs(x[c]));
    finite = finite && std::isfinite(x[c]);
  }
  const bool zero = !finite || largest < 1e-30f;
  for (size_t c = 0; c < d; ++c) {
    const float steps = zero ? 0.0f : x[c] * (127.0f / largest);
    row[c] = static_cast<std::byte>(static_cast<int8_t>(std::nearbyint(steps)));
  }
  if (!finite) return std::numeric_limits<float>::quiet_NaN();
  return zero ? 0.0f : largest / 127.0f;
}

}  // namespace

float value_at(WeightView w, size_t i) {
  if (w.dtype == DType::bf16) {
    uint16_t half;
    std::memcpy(&half, w.from(i).data, sizeof half);
    return std::bit_cast<float>(uint32_t{half} << 16);
  }
  float value;
  std::memcpy(&value, w.from(i).data, sizeof value);
  return value;
}

float value_at(CacheRows rows, size_t j, size_t c, size_t stride) {
  if (rows.type == CacheType::int8) {
    return rows.scales[j] * static_cast<float>(static_cast<int8_t>(rows.data[j * stride + c]));
  }
  const DType dtype = rows.type == CacheType::bf16 ? DType::bf16 : DType::f32;
  return value_at(WeightView(rows.data, dtype), j * stride + c);
}

void matmul(const float* x, size_t x_stride, size_t m, WeightView w, size_t n, size_t k,
            const float* bias, float* y, size_t y_stride) {
  for (size_t i = 0; i < m; ++i) {
    for (size_t j = 0; j < n; ++j) {
      double sum = bias == nullptr ? 0.0 : bias[j];
      for (size_t p = 0; p < k; ++p) sum += double{x[i * x_stride + p]} * value_at(w, j * k + p);
      y[i * y_stride + j] = static_cast<float>(sum);
    }
  }
}

void gated_matmul(const float* x, WeightView gates, size_t modules, WeightView w, size_t n,
                  size_t k, const float* bias, float* y, size_t y_stride) {
  for (size_t i = 0; i < modules; ++i) {
    for (size_t j = 0; j < n; ++j) {
      double sum = bias == nullptr ? 0.0 : bias[i * y_stride + j];
      for (size_t p = 0; p < k; ++p) {
        sum += double{x[p]} * value_at(gates, i * k + p) * value_at(w, j * k + p);
      }
      y[i * y_stride + j] = static_cast<float>(sum);
    }
  }
}

void convolve(const Patches& x, WeightView w, size_t n, const float* bias, float* y,
              size_t y_stride) {
  for (size_t j = 0; j < x.modules; ++j) {
    for (size_t o = 0; o < n; ++o) {
      double sum = bias[o];
      for (size_t l = 0; l < x.taps; ++l) {
        for (size_t i = 0; i < x.width; ++i) {
          const float input = x.first[l * x.tap_stride + j * x.module + i];
          sum += double{input} * value_at(w, (o * x.taps + l) * x.width + i);
        }
      }
      y[j * y_stride + o] = static_cast<float>(sum);
    }
  }
}

void add(const float* x, size_t n, float* y) {
  for (size_t i = 0; i < n; ++i) y[i] += x[i];
}

void multiply(const float* x, WeightView w, size_t n, float* out) {
  for (size_t i = 0; i < n; ++i) out[i] = x[i] * value_at(w, i);
}

void widen(WeightView w, size_t n, float* out) {
  for (size_t i = 0; i < n; ++i) out[i] = value_at(w, i);
}

size_t argmax(const float* x, size_t n) {
  size_t best = 0;
  for (size_t i = 1; i < n; ++i) {
    if (x[i] > x[best] || (std::isnan(x[best]) && !std::isnan(x[i]))) best = i;
  }
  return best;
}

float log_sum_exp(const float* x, size_t n) {
  const double largest = *std::max_element(x, x + n);
  if (std::isinf(largest)) return static_cast<float>(largest);
  double sum = 0;
  for (size_t i = 0; i < n; ++i) sum += std::exp(x[i] - largest);
  return static_cast<float>(largest + std::log(sum));
}

void softmax_weights(const float* x, size_t n, float temperature, float* out) {
  const double largest = *std::max_element(x, x + n);
  for (size_t i = 0; i < n; ++i) {
    out[i] = static_cast<float>(std::exp((x[i] - largest) / double{temperature}));
  }
}

void store_rows(const float* x, size_t n, size_t d, const StoredRows& to) {
  for (size_t i = 0; i < n; ++i, x += d) {
    std::byte* row = to.data + i * to.stride;
    if (to.type == CacheType::f32) {
      std::memcpy(row, x, d * sizeof(float));
    } else if (to.type == CacheType::bf16) {
      for (size_t c = 0; c < d; ++c) {
        const uint16_t half = to_bf16(x[c]);
        std::memcpy(row + 2 * c, &half, sizeof half);
      }
    } else {
      to.scales[i * to.scale_stride] = store_int8(x, d, row);
    }
  }
}

void layer_norm(const float* x, size_t n, const float* scale, const float* bias, bool center,
                float* y) {
  const double count = static_cast<double>(n);
  double mean = 0;
  for (size_t i = 0; i < n && center; ++i) mean += x[i] / count;
  double variance = 0;
  for (size_t i = 0; i < n; ++i) variance += (x[i] - mean) * (x[i] - mean) / count;
  const double deviation = std::sqrt(variance + 1e-6);
  for (size_t i = 0; i < n; ++i) {
    const double normal = (x[i] - mean) / deviation * scale[i];
    y[i] = static_cast<float>(center ? normal + bias[i] : normal);
  }
}

void activate(Activation kind, float* x, size_t n) {
  for (size_t i = 0; i < n; ++i) x[i] = static_cast<float>(activated(kind, x[i]));
}

void attend(const float* q, CacheRows keys, CacheRows values, size_t length, size_t d_qk,
            size_t d_v, float scale, float* out) {
  std::vector<double> weights(length);
  for (size_t j = 0; j < length; ++j) {
    for (size_t c = 0; c < d_qk; ++c) weights[j] += double{q[c]} * value_at(keys, j, c, d_qk);
    weights[j] *= scale;
  }
  const double largest = *std::max_element(weights.begin(), weights.end());
  double total = 0;
  for (double& weight : weights) total += weight = std::exp(weight - largest);
  for (size_t c = 0; c < d_v; ++c) {
    double sum = 0;
    for (size_t j = 0; j < length; ++j) sum += weights[j] / total * value_at(values, j, c, d_v);
    out[c] = static_cast<float>(sum);
  }
}

// Masked rows stand with the scores that Trax gives them.
float attend_rows(const float* q, const HeadRows& keys, const HeadRows& values,
                  const uint32_t* rows, size_t n_rows, size_t d_qk, size_t d_v, float scale,
                  const RowMask& mask, float* out) {
  std::vector<double> scores(n_rows);
  for (size_t j = 0; j < n_rows; ++j) {
    for (size_t c = 0; c < d_qk; ++c) {
      scores[j] += double{q[c]} * value_at(keys.data, rows[j], c, keys.stride);
    }
    scores[j] *= scale;
    if (mask.exclude_self && rows[j] == mask.query) scores[j] -= 1e5;
    if (mask.causal && rows[j] > mask.query) scores[j] -= 1e9;
    if (rows[j] >= mask.end) scores[j] -= 1e9;
  }
  const double largest = *std::max_element(scores.begin(), scores.end());
  double total = 0;
  for (const double score : scores) total += std::exp(score - largest);
  for (size_t c = 0; c < d_v; ++c) {
    double sum = 0;
    for (size_t j = 0; j < n_rows; ++j) {
      sum +=
          std::exp(scores[j] - largest) / total * value_at(values.data, rows[j], c, values.stride);
    }
    out[c] = static_cast<float>(sum);
  }
  return static_cast<float>(largest + std::log(total));
}

void choose_units(const float* low, WeightView up, const float* bias, size_t blocks, size_t rank,
                  size_t n, uint32_t* choice) {
  for (size_t b = 0; b < blocks; ++b) {
    double best = -std::numeric_limits<double>::infinity();
    choice[b] = 0;
    for (size_t e = 0; e < n; ++e) {
      double logit = bias[b * n + e];
      for (size_t r = 0; r < rank; ++r) {
        logit += double{low[r]} * value_at(up, (b * rank + r) * n + e);
      }
      if (logit > best) {
        best = logit;
        choice[b] = static_cast<uint32_t>(e);
      }
    }
  }
}

void chosen_hidden(const float* x, WeightView units, const uint32_t* choice, size_t blocks,
                   size_t n, size_t d, float* hidden) {
  for (size_t b = 0; b < blocks; ++b) {
    const WeightView row = units.from((b * n + choice[b]) * 2 * d);
    double sum = 0;
    for (size_t j = 0; j < d; ++j) sum += double{x[j]} * value_at(row, j);
    hidden[b] = sum <= 0 ? 0.0f : static_cast<float>(sum);
  }
}

void add_chosen_outputs(const float* hidden, WeightView units, const uint32_t* choice,
                        size_t blocks, size_t n, size_t d, size_t begin, size_t end, float* y) {
  for (size_t j = begin; j < end; ++j) {
    double sum = y[j];
    for (size_t b = 0; b < blocks; ++b) {
      const WeightView row = units.from(((b * n + choice[b]) * 2 + 1) * d);
      if (hidden[b] != 0) sum += double{hidden[b]} * value_at(row, j);
    }
    y[j] = static_cast<float>(sum);
  }
}

void sru_step(const float* gates, const float* x, size_t n, float* cell, float* out) {
  for (size_t i = 0; i < n; ++i) {
    const double r = sigmoid(gates[i]);
    const double f = sigmoid(gates[n + i]);
    const double next = f * cell[i] + (1 - f) * gates[2 * n + i];
    cell[i] = static_cast<float>(next);
    out[i] = static_cast<float>(r * next + (1 - r) * x[i] * std::sqrt(3.0));
  }
}

}  // namespace terse::kernels::reference
