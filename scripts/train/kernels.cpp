// Training kernels for processors with AVX-512 and bfloat16 instructions; fast_ops.py compiles and
// calls them. Activations are bfloat16, streams, sums and gradients of weights float32. One thread:
// each worker has its own.
#include <immintrin.h>

#include <cmath>
#include <cstdint>
#include <cstring>
#include <vector>

namespace {

using bf16 = uint16_t;
constexpr int kUnits = 16;      // of a sparse feed-forward's block: one vector
constexpr int kSruUnits = 32;   // two vectors
constexpr int64_t kTile = 512;  // tokens whose activations stay in the second-level cache

__m512 load(const bf16* p) {
  return _mm512_castsi512_ps(
      _mm512_slli_epi32(_mm512_cvtepu16_epi32(_mm256_loadu_si256((const __m256i*)p)), 16));
}
__m512 load(const bf16* p, __mmask16 lanes) {
  return _mm512_castsi512_ps(
      _mm512_slli_epi32(_mm512_cvtepu16_epi32(_mm256_maskz_loadu_epi16(lanes, p)), 16));
}
void store(bf16* p, __m512 v) {
  _mm256_storeu_si256((__m256i*)p, (__m256i)_mm512_cvtneps_pbh(v));
}
void store(bf16* p, __mmask16 lanes, __m512 v) {
  _mm256_mask_storeu_epi16(p, lanes, (__m256i)_mm512_cvtneps_pbh(v));
}
__mmask16 lanes_left(int64_t n) {
  return n >= 16 ? 0xffff : (__mmask16)((1u << n) - 1);
}

// exp: 2^n times a polynomial of the rest, relative error near 1e-7.
__m512 exp(__m512 x) {
  x = _mm512_min_ps(_mm512_max_ps(x, _mm512_set1_ps(-87.f)), _mm512_set1_ps(88.f));
  const __m512 n = _mm512_roundscale_ps(_mm512_mul_ps(x, _mm512_set1_ps(1.44269504f)), 0);
  const __m512 r = _mm512_fnmadd_ps(n, _mm512_set1_ps(-2.12194440e-4f),
                                    _mm512_fnmadd_ps(n, _mm512_set1_ps(0.693359375f), x));
  __m512 y = _mm512_set1_ps(1.f / 720);
  for (float c : {1.f / 120, 1.f / 24, 1.f / 6, 0.5f, 1.f, 1.f})
    y = _mm512_fmadd_ps(y, r, _mm512_set1_ps(c));
  return _mm512_scalef_ps(y, n);
}
__m512 sigmoid(__m512 x) {
  const __m512 one = _mm512_set1_ps(1.f);
  return _mm512_div_ps(one, _mm512_add_ps(one, exp(_mm512_sub_ps(_mm512_setzero_ps(), x))));
}

// 32 numbers as two vectors of 16: those at even places and those at odd ones.
__m512 even(__m512i pairs) {
  return _mm512_castsi512_ps(_mm512_slli_epi32(pairs, 16));
}
__m512 odd(__m512i pairs) {
  return _mm512_castsi512_ps(_mm512_and_si512(pairs, _mm512_set1_epi32(0xffff0000)));
}
__m512i rounded(__m512 x) {
  const __m512i bits = _mm512_castps_si512(x);
  const __m512i last = _mm512_and_si512(_mm512_srli_epi32(bits, 16), _mm512_set1_epi32(1));
  return _mm512_add_epi32(_mm512_add_epi32(bits, _mm512_set1_epi32(0x7fff)), last);
}
__m512i pairs(__m512 evens, __m512 odds) {
  return _mm512_or_si512(_mm512_srli_epi32(rounded(evens), 16),
                         _mm512_and_si512(rounded(odds), _mm512_set1_epi32(0xffff0000)));
}

template <int V>
float dot(const __m512i* a, const bf16* b) {
  __m512 sum = _mm512_setzero_ps();
  for (int v = 0; v < V; v++)
    sum = _mm512_dpbf16_ps(sum, (__m512bh)a[v], (__m512bh)_mm512_loadu_si512(b + 32 * v));
  return _mm512_reduce_add_ps(sum);
}
template <int V>
void add_scaled(__m512* evens, __m512* odds, float factor, const bf16* row) {
  const __m512 f = _mm512_set1_ps(factor);
  for (int v = 0; v < V; v++) {
    const __m512i p = _mm512_loadu_si512(row + 32 * v);
    evens[v] = _mm512_fmadd_ps(f, even(p), evens[v]);
    odds[v] = _mm512_fmadd_ps(f, odd(p), odds[v]);
  }
}

uint64_t mix(uint64_t z) {
  z += 0x9E3779B97F4A7C15ull;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ull;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBull;
  return z ^ (z >> 31);
}
// Gumbel noise, drawn once; a token reads on from a place of its own.
const std::vector<float>& gumbel_table() {
  static const std::vector<float> table = [] {
    std::vector<float> t(1 << 17);
    for (size_t i = 0; i < t.size(); i++) {
      const double u = ((mix(i) >> 11) + 0.5) / 9007199254740992.0;
      t[i] = (float)-std::log(-std::log(u));
    }
    return t;
  }();
  return table;
}

struct SparseFF {
  int64_t tokens, blocks;
  const bf16 *x, *logits;
  const float* bias;
  const bf16 *w_in, *w_out;  // (blocks, 16, d)
  uint8_t* choice;           // (tokens, blocks)
  float* hidden;             // (tokens, blocks), before the relu
};

// Lists the places of positive numbers, without a branch that nobody could predict; returns how
// many there are.
int64_t positive(const float* values, int64_t n, int32_t* places) {
  int64_t count = 0;
  for (int64_t i = 0; i < n; i++) {
    places[count] = (int32_t)i;
    count += values[i] > 0;
  }
  return count;
}

template <int V>
void sparse_forward(const SparseFF& f, const float* b_out, bf16* out, float temperature,
                    uint64_t seed) {
  constexpr int64_t d = 32 * V;
  const std::vector<float>& noise = gumbel_table();
  const int64_t row = f.blocks * kUnits;
  std::vector<int32_t> active(f.blocks);
  for (int64_t i = 0; i < f.tokens; i++) {
    __m512i x[V];
    __m512 evens[V], odds[V];
    for (int v = 0; v < V; v++) {
      x[v] = _mm512_loadu_si512(f.x + i * d + 32 * v);
      evens[v] = odds[v] = _mm512_setzero_ps();
    }
    const float* g = noise.data() + mix(seed + i) % (noise.size() - row);
    uint8_t* choice = f.choice + i * f.blocks;
    float* hidden = f.hidden + i * f.blocks;
    for (int64_t b = 0; b < f.blocks; b++) {
      __m512 score = _mm512_add_ps(load(f.logits + i * row + b * kUnits),
                                   _mm512_loadu_ps(f.bias + b * kUnits));
      if (temperature > 0)
        score =
            _mm512_fmadd_ps(_mm512_set1_ps(temperature), _mm512_loadu_ps(g + b * kUnits), score);
      const __mmask16 best =
          _mm512_cmp_ps_mask(score, _mm512_set1_ps(_mm512_reduce_max_ps(score)), _CMP_EQ_OQ);
      choice[b] = (uint8_t)(best ? __builtin_ctz(best) : 0);
    }
    // Each step by itself, so that nothing in it waits: products, which of them count, rows.
    for (int64_t b = 0; b < f.blocks; b++)
      hidden[b] = dot<V>(x, f.w_in + (b * kUnits + choice[b]) * d);
    const int64_t count = positive(hidden, f.blocks, active.data());
    for (int64_t k = 0; k < count; k++) {
      const int64_t b = active[k];
      add_scaled<V>(evens, odds, hidden[b], f.w_out + (b * kUnits + choice[b]) * d);
    }
    alignas(64) bf16 sum[d];
    for (int v = 0; v < V; v++) _mm512_store_si512(sum + 32 * v, pairs(evens[v], odds[v]));
    for (int64_t j = 0; j < d; j += 16)
      store(out + i * d + j, _mm512_add_ps(load(sum + j), _mm512_loadu_ps(b_out + j)));
  }
}

// Gradients of the input and of the logits; d_hidden is kept for the weights' own.
template <int V>
void sparse_backward_tokens(const SparseFF& f, const bf16* gradient, bf16* dx, bf16* d_logits,
                            float* d_hidden) {
  constexpr int64_t d = 32 * V;
  const int64_t row = f.blocks * kUnits;
  std::vector<int32_t> active(f.blocks);
  for (int64_t i = 0; i < f.tokens; i++) {
    __m512i g[V];
    __m512 evens[V], odds[V];
    for (int v = 0; v < V; v++) {
      g[v] = _mm512_loadu_si512(gradient + i * d + 32 * v);
      evens[v] = odds[v] = _mm512_setzero_ps();
    }
    const uint8_t* choice = f.choice + i * f.blocks;
    const float* hidden = f.hidden + i * f.blocks;
    float* dh = d_hidden + i * f.blocks;
    std::memset(d_logits + i * row, 0, row * sizeof(bf16));
    std::memset(dh, 0, f.blocks * sizeof(float));
    const int64_t count = positive(hidden, f.blocks, active.data());
    for (int64_t k = 0; k < count; k++) {
      const int64_t b = active[k];
      dh[b] = dot<V>(g, f.w_out + (b * kUnits + choice[b]) * d);
    }
    for (int64_t k = 0; k < count; k++) {
      const int64_t b = active[k];
      add_scaled<V>(evens, odds, dh[b], f.w_in + (b * kUnits + choice[b]) * d);
    }
    for (int64_t k = 0; k < count; k++) {
      // Straight through: the chosen unit's share moves with the softmax of its block.
      const int64_t b = active[k];
      const __m512 l = _mm512_add_ps(load(f.logits + i * row + b * kUnits),
                                     _mm512_loadu_ps(f.bias + b * kUnits));
      const __m512 e = exp(_mm512_sub_ps(l, _mm512_set1_ps(_mm512_reduce_max_ps(l))));
      const __m512 p = _mm512_mul_ps(e, _mm512_set1_ps(1.f / _mm512_reduce_add_ps(e)));
      const __mmask16 one = (__mmask16)(1u << choice[b]);
      const float dm = dh[b] * hidden[b], pc = _mm512_mask_reduce_add_ps(one, p);
      const __m512 delta =
          _mm512_sub_ps(_mm512_maskz_mov_ps(one, _mm512_set1_ps(dm)), _mm512_set1_ps(pc * dm));
      store(d_logits + i * row + b * kUnits, _mm512_mul_ps(p, delta));
    }
    for (int v = 0; v < V; v++) _mm512_storeu_si512(dx + i * d + 32 * v, pairs(evens[v], odds[v]));
  }
}

// dw_in += d_hidden x, dw_out += hidden gradient, one unit after the other over a tile of tokens.
template <int V>
void sparse_backward_units(const SparseFF& f, const bf16* gradient, const float* d_hidden,
                           float* dw_in, float* dw_out) {
  constexpr int64_t d = 32 * V;
  std::vector<int32_t> members[kUnits];
  for (int64_t from = 0; from < f.tokens; from += kTile) {
    const int64_t to = from + kTile < f.tokens ? from + kTile : f.tokens;
    for (int64_t b = 0; b < f.blocks; b++) {
      for (auto& m : members) m.clear();
      for (int64_t i = from; i < to; i++)
        if (f.hidden[i * f.blocks + b] > 0)
          members[f.choice[i * f.blocks + b]].push_back((int32_t)i);
      for (int c = 0; c < kUnits; c++) {
        if (members[c].empty()) continue;
        for (int side = 0; side < 2; side++) {
          const bf16* rows = side ? gradient : f.x;
          const float* factors = side ? f.hidden : d_hidden;
          float* sums = (side ? dw_out : dw_in) + (b * kUnits + c) * d;
          __m512 acc[2 * V];
          for (int v = 0; v < 2 * V; v++) acc[v] = _mm512_loadu_ps(sums + 16 * v);
          for (int32_t i : members[c]) {
            const __m512 factor = _mm512_set1_ps(factors[i * f.blocks + b]);
            for (int v = 0; v < 2 * V; v++)
              acc[v] = _mm512_fmadd_ps(factor, load(rows + i * d + 16 * v), acc[v]);
          }
          for (int v = 0; v < 2 * V; v++) _mm512_storeu_ps(sums + 16 * v, acc[v]);
        }
      }
    }
  }
}

}  // namespace

extern "C" {

// d must be 128, 256 or 512. Returns 0 when it isn't.
int sparse_units_forward(int64_t tokens, int64_t blocks, int64_t d, const bf16* x,
                         const bf16* logits, const float* bias, const bf16* w_in, const bf16* w_out,
                         const float* b_out, uint8_t* choice, float* hidden, bf16* out,
                         float temperature, uint64_t seed) {
  const SparseFF f{tokens, blocks, x, logits, bias, w_in, w_out, choice, hidden};
  switch (d) {
    case 128:
      sparse_forward<4>(f, b_out, out, temperature, seed);
      return 1;
    case 256:
      sparse_forward<8>(f, b_out, out, temperature, seed);
      return 1;
    case 512:
      sparse_forward<16>(f, b_out, out, temperature, seed);
      return 1;
  }
  return 0;
}

int sparse_units_backward(int64_t tokens, int64_t blocks, int64_t d, const bf16* x,
                          const bf16* logits, const float* bias, const bf16* w_in,
                          const bf16* w_out, uint8_t* choice, float* hidden, const bf16* gradient,
                          bf16* dx, bf16* d_logits, float* d_hidden, float* dw_in, float* dw_out) {
  const SparseFF f{tokens, blocks, x, logits, bias, w_in, w_out, choice, hidden};
  switch (d) {
    case 128:
      sparse_backward_tokens<4>(f, gradient, dx, d_logits, d_hidden);
      sparse_backward_units<4>(f, gradient, d_hidden, dw_in, dw_out);
      return 1;
    case 256:
      sparse_backward_tokens<8>(f, gradient, dx, d_logits, d_hidden);
      sparse_backward_units<8>(f, gradient, d_hidden, dw_in, dw_out);
      return 1;
    case 512:
      sparse_backward_tokens<16>(f, gradient, dx, d_logits, d_hidden);
      sparse_backward_units<16>(f, gradient, d_hidden, dw_in, dw_out);
      return 1;
  }
  return 0;
}

// Softmax in place over rows of (texts * heads, length, length), masked by causality or by each
// text's length.
void softmax_forward(bf16* s, int64_t texts_heads, int64_t length, int64_t heads,
                     const int64_t* lengths, float scale) {
  std::vector<float> row(length + 16);
  for (int64_t b = 0; b < texts_heads; b++) {
    for (int64_t i = 0; i < length; i++) {
      bf16* r = s + (b * length + i) * length;
      const int64_t n = lengths ? lengths[b / heads] : i + 1;
      const __m512 lowest = _mm512_set1_ps(-1e30f);
      __m512 top = lowest, sum = _mm512_setzero_ps();
      for (int64_t j = 0; j < n; j += 16) {
        const __mmask16 k = lanes_left(n - j);
        const __m512 v = _mm512_mask_mul_ps(lowest, k, load(r + j, k), _mm512_set1_ps(scale));
        _mm512_storeu_ps(row.data() + j, v);
        top = _mm512_max_ps(top, v);
      }
      top = _mm512_set1_ps(_mm512_reduce_max_ps(top));
      for (int64_t j = 0; j < n; j += 16) {
        const __m512 e = _mm512_maskz_mov_ps(
            lanes_left(n - j), exp(_mm512_sub_ps(_mm512_loadu_ps(row.data() + j), top)));
        _mm512_storeu_ps(row.data() + j, e);
        sum = _mm512_add_ps(sum, e);
      }
      const __m512 share = _mm512_set1_ps(1.f / _mm512_reduce_add_ps(sum));
      int64_t j = 0;
      for (; j < n; j += 16)
        store(r + j, lanes_left(length - j), _mm512_mul_ps(_mm512_loadu_ps(row.data() + j), share));
      for (; j < length; j++) r[j] = 0;
    }
  }
}

// dp becomes p (dp - <dp, p>) scale.
void softmax_backward(const bf16* p, bf16* dp, int64_t rows, int64_t length, float scale) {
  for (int64_t i = 0; i < rows; i++) {
    const bf16* a = p + i * length;
    bf16* g = dp + i * length;
    __m512 sum = _mm512_setzero_ps();
    for (int64_t j = 0; j < length; j += 16) {
      const __mmask16 k = lanes_left(length - j);
      sum = _mm512_fmadd_ps(load(a + j, k), load(g + j, k), sum);
    }
    const __m512 mean = _mm512_set1_ps(_mm512_reduce_add_ps(sum)), s = _mm512_set1_ps(scale);
    for (int64_t j = 0; j < length; j += 16) {
      const __mmask16 k = lanes_left(length - j);
      store(g + j, k,
            _mm512_mul_ps(_mm512_mul_ps(load(a + j, k), s), _mm512_sub_ps(load(g + j, k), mean)));
    }
  }
}

// One SRU of 32 units; gates (texts, length, 96) become (sigmoid reset, sigmoid forget, update).
void sru_forward(float* gates, const float* x, float* cells, float* out, int64_t texts,
                 int64_t length) {
  const __m512 one = _mm512_set1_ps(1.f), root3 = _mm512_set1_ps(1.7320508f);
  for (int64_t b = 0; b < texts; b++) {
    __m512 cell[2] = {_mm512_setzero_ps(), _mm512_setzero_ps()};
    for (int64_t t = b * length; t < (b + 1) * length; t++) {
      float* g = gates + t * 3 * kSruUnits;
      for (int k = 0; k < 2; k++) {
        const int64_t at = t * kSruUnits + 16 * k;
        const __m512 r = sigmoid(_mm512_loadu_ps(g + 16 * k)),
                     f = sigmoid(_mm512_loadu_ps(g + kSruUnits + 16 * k));
        const __m512 y = _mm512_loadu_ps(g + 2 * kSruUnits + 16 * k);
        cell[k] = _mm512_fmadd_ps(f, cell[k], _mm512_mul_ps(y, _mm512_sub_ps(one, f)));
        _mm512_storeu_ps(g + 16 * k, r);
        _mm512_storeu_ps(g + kSruUnits + 16 * k, f);
        _mm512_storeu_ps(cells + at, cell[k]);
        const __m512 highway =
            _mm512_mul_ps(_mm512_mul_ps(_mm512_loadu_ps(x + at), _mm512_sub_ps(one, r)), root3);
        _mm512_storeu_ps(out + at, _mm512_fmadd_ps(cell[k], r, highway));
      }
    }
  }
}

void sru_backward(const float* gradient, const float* gates, const float* x, const float* cells,
                  float* d_gates, float* dx, int64_t texts, int64_t length) {
  const __m512 one = _mm512_set1_ps(1.f), root3 = _mm512_set1_ps(1.7320508f);
  for (int64_t b = 0; b < texts; b++) {
    __m512 carried[2] = {_mm512_setzero_ps(), _mm512_setzero_ps()};
    for (int64_t t = (b + 1) * length - 1; t >= b * length; t--) {
      const float* g = gates + t * 3 * kSruUnits;
      float* dg = d_gates + t * 3 * kSruUnits;
      for (int k = 0; k < 2; k++) {
        const int64_t at = t * kSruUnits + 16 * k;
        const __m512 go = _mm512_loadu_ps(gradient + at), xv = _mm512_loadu_ps(x + at),
                     c = _mm512_loadu_ps(cells + at);
        const __m512 before =
            t > b * length ? _mm512_loadu_ps(cells + at - kSruUnits) : _mm512_setzero_ps();
        const __m512 r = _mm512_loadu_ps(g + 16 * k), f = _mm512_loadu_ps(g + kSruUnits + 16 * k);
        const __m512 y = _mm512_loadu_ps(g + 2 * kSruUnits + 16 * k);
        const __m512 rest_r = _mm512_sub_ps(one, r), rest_f = _mm512_sub_ps(one, f);
        const __m512 dc = _mm512_fmadd_ps(go, r, carried[k]);
        const __m512 dr = _mm512_mul_ps(go, _mm512_sub_ps(c, _mm512_mul_ps(xv, root3)));
        _mm512_storeu_ps(dx + at, _mm512_mul_ps(_mm512_mul_ps(go, rest_r), root3));
        _mm512_storeu_ps(dg + 16 * k, _mm512_mul_ps(dr, _mm512_mul_ps(r, rest_r)));
        _mm512_storeu_ps(
            dg + kSruUnits + 16 * k,
            _mm512_mul_ps(_mm512_mul_ps(dc, _mm512_sub_ps(before, y)), _mm512_mul_ps(f, rest_f)));
        _mm512_storeu_ps(dg + 2 * kSruUnits + 16 * k, _mm512_mul_ps(dc, rest_f));
        carried[k] = _mm512_mul_ps(dc, f);
      }
    }
  }
}

// y = normalised scale + bias; the normalised rows and 1 / deviation are kept.
void layer_norm_forward(const float* x, const float* scale, const float* bias, bf16* y,
                        bf16* normal, float* inverse, int64_t rows, int64_t d) {
  for (int64_t i = 0; i < rows; i++) {
    const float* a = x + i * d;
    __m512 sum = _mm512_setzero_ps(), square = sum;
    for (int64_t j = 0; j < d; j += 16) sum = _mm512_add_ps(sum, _mm512_loadu_ps(a + j));
    const __m512 mean = _mm512_set1_ps(_mm512_reduce_add_ps(sum) / d);
    for (int64_t j = 0; j < d; j += 16) {
      const __m512 v = _mm512_sub_ps(_mm512_loadu_ps(a + j), mean);
      square = _mm512_fmadd_ps(v, v, square);
    }
    inverse[i] = 1.f / std::sqrt(_mm512_reduce_add_ps(square) / d + 1e-6f);
    for (int64_t j = 0; j < d; j += 16) {
      const __m512 v =
          _mm512_mul_ps(_mm512_sub_ps(_mm512_loadu_ps(a + j), mean), _mm512_set1_ps(inverse[i]));
      store(normal + i * d + j, v);
      store(y + i * d + j,
            _mm512_fmadd_ps(v, _mm512_loadu_ps(scale + j), _mm512_loadu_ps(bias + j)));
    }
  }
}

// d_scale and d_bias are added to.
void layer_norm_backward(const bf16* gradient, const bf16* normal, const float* inverse,
                         const float* scale, float* dx, float* d_scale, float* d_bias, int64_t rows,
                         int64_t d) {
  for (int64_t i = 0; i < rows; i++) {
    const bf16 *g = gradient + i * d, *n = normal + i * d;
    __m512 sum = _mm512_setzero_ps(), product = sum;
    for (int64_t j = 0; j < d; j += 16) {
      const __m512 gv = load(g + j), nv = load(n + j);
      _mm512_storeu_ps(d_scale + j, _mm512_fmadd_ps(gv, nv, _mm512_loadu_ps(d_scale + j)));
      _mm512_storeu_ps(d_bias + j, _mm512_add_ps(gv, _mm512_loadu_ps(d_bias + j)));
      const __m512 v = _mm512_mul_ps(gv, _mm512_loadu_ps(scale + j));
      sum = _mm512_add_ps(sum, v);
      product = _mm512_fmadd_ps(v, nv, product);
    }
    const __m512 m1 = _mm512_set1_ps(_mm512_reduce_add_ps(sum) / d),
                 m2 = _mm512_set1_ps(_mm512_reduce_add_ps(product) / d);
    for (int64_t j = 0; j < d; j += 16) {
      const __m512 v = _mm512_sub_ps(_mm512_mul_ps(load(g + j), _mm512_loadu_ps(scale + j)), m1);
      _mm512_storeu_ps(dx + i * d + j, _mm512_mul_ps(_mm512_fnmadd_ps(load(n + j), m2, v),
                                                     _mm512_set1_ps(inverse[i])));
    }
  }
}

// out = stream + branch keep; keep (texts, d) may be null.
void add_forward(const float* stream, const bf16* branch, const float* keep, float* out,
                 int64_t texts, int64_t length, int64_t d) {
  for (int64_t i = 0; i < texts * length; i++)
    for (int64_t j = 0; j < d; j += 16) {
      __m512 v = load(branch + i * d + j);
      if (keep) v = _mm512_mul_ps(v, _mm512_loadu_ps(keep + (i / length) * d + j));
      _mm512_storeu_ps(out + i * d + j, _mm512_add_ps(v, _mm512_loadu_ps(stream + i * d + j)));
    }
}

// The branch's share of a residual step's gradient.
void add_backward(const float* gradient, const float* keep, bf16* d_branch, int64_t texts,
                  int64_t length, int64_t d) {
  for (int64_t i = 0; i < texts * length; i++)
    for (int64_t j = 0; j < d; j += 16) {
      __m512 v = _mm512_loadu_ps(gradient + i * d + j);
      if (keep) v = _mm512_mul_ps(v, _mm512_loadu_ps(keep + (i / length) * d + j));
      store(d_branch + i * d + j, v);
    }
}

// AdamW and a moving average of the weights, over one slice of everything.
void adamw(float* w, const float* g, float* m, float* v, float* average, int64_t n, float rate,
           float b1, float b2, float epsilon, float decay, float m_scale, float v_scale,
           float g_scale, float average_step) {
  for (int64_t i = 0; i < n; i++) {
    const float x = g[i] * g_scale;
    m[i] = b1 * m[i] + (1 - b1) * x;
    v[i] = b2 * v[i] + (1 - b2) * x * x;
    w[i] -= rate * ((m[i] * m_scale) / (std::sqrt(v[i] * v_scale) + epsilon) + decay * w[i]);
    average[i] += average_step * (w[i] - average[i]);
  }
}

}  // extern "C"
