#include "core/layers/favor.h"

#include <algorithm>
#include <vector>

#include "core/layers/dense.h"

namespace terse {
namespace {

// Multiply-adds worth waking another thread for.
constexpr size_t kWorthSplitting = size_t{1} << 16;

struct FavorState : LayerState {
  std::unique_ptr<LayerState> clone() const override {
    auto copy = std::make_unique<FavorState>();
    copy->sums = sums;
    copy->qkv = clone_of(qkv);
    copy->output = clone_of(output);
    return copy;
  }
  size_t bytes() const override {
    return sums.size() * sizeof(float) + (qkv ? qkv->bytes() : 0) + (output ? output->bytes() : 0);
  }

  std::vector<float> sums;  // [heads, d_qk, d_v + 1]
  std::unique_ptr<LayerState> qkv;
  std::unique_ptr<LayerState> output;
};

LayerState* qkv_of(FavorState& state) {
  return state.qkv.get();
}

LayerState* output_of(FavorState& state) {
  return state.output.get();
}

float feature(float value, float epsilon) {
  return (value <= 0.0f ? 0.0f : value) + epsilon;
}

using Floats = Eigen::Map<Eigen::ArrayXf>;
using ConstFloats = Eigen::Map<const Eigen::ArrayXf>;

// The sums of one head: [d_qk, d_v + 1], row m holds S's row for feature m, then s's element.
struct HeadSums {
  float* rows;
  size_t d_qk;
  size_t d_v;
  float epsilon;

  void add(const float* k, const float* v) const {
    for (size_t m = 0; m < d_qk; ++m) {
      float* row = rows + m * (d_v + 1);
      const float f = feature(k[m], epsilon);
      Floats(row, d_v) += f * ConstFloats(v, d_v);
      row[d_v] += f;
    }
  }

  void read(const float* q, float* y) const {
    Floats out(y, d_v);
    out.setZero();
    float norm = 0.0f;
    for (size_t m = 0; m < d_qk; ++m) {
      const float* row = rows + m * (d_v + 1);
      const float f = feature(q[m], epsilon);
      out += f * ConstFloats(row, d_v);
      norm += f * row[d_v];
    }
    out *= 1.0f / norm;
  }
};

std::unique_ptr<Layer> make(const AttentionArgs& args, Mask mask) {
  args.params.expect_only({"numerical_stabilizer"});
  check_place(args, mask == Mask::causal);
  const size_t d = args.d_model;
  const size_t d_head = head_size(args);
  const auto dense = [&](const char* name) {
    return std::make_unique<Dense>(args.weights / name, d, d);
  };
  return std::make_unique<Favor>(
      std::make_unique<SeparateQkv>(dense("query"), dense("key"), dense("value")), dense("output"),
      HeadShape{args.n_heads, d_head, d_head}, mask,
      float(args.params.number("numerical_stabilizer")));
}

}  // namespace

Favor::Favor(std::unique_ptr<QkvProjection> qkv, std::unique_ptr<Layer> output,
             const HeadShape& heads, Mask mask, float epsilon)
    : qkv_(std::move(qkv)),
      output_(std::move(output)),
      heads_(heads),
      mask_(mask),
      epsilon_(epsilon) {}

std::unique_ptr<LayerState> Favor::new_state(const StateOptions& options) const {
  if (mask_ == Mask::none) return nullptr;
  auto state = std::make_unique<FavorState>();
  state->sums.assign(sums_size(), 0.0f);
  state->qkv = qkv_->new_state(options);
  state->output = output_->new_state(options);
  return state;
}

void Favor::forward(ConstMatrix x, LayerStates states, Workspace& work, Matrix y) const {
  const Scratch::Frame frame(work.scratch);
  const Matrix q = work.scratch.matrix(x.rows, heads_.heads * heads_.d_qk);
  const Matrix k = work.scratch.matrix(x.rows, heads_.heads * heads_.d_qk);
  const Matrix v = work.scratch.matrix(x.rows, heads_.heads * heads_.d_v);
  const Matrix mixed = work.scratch.matrix(x.rows, heads_.heads * heads_.d_v);
  qkv_->forward(x, states.parts<FavorState>(work.scratch, qkv_of), work, q, k, v);
  for (size_t i = 0; i < states.size(); ++i) {
    const auto rows = [&](const Matrix& all) { return rows_of_sequence(all, i, states.size()); };
    if (states[i] != nullptr) {
      float* sums = static_cast<FavorState*>(states[i])->sums.data();
      attend(rows(q), rows(k), rows(v), sums, work.threads, rows(mixed));
    } else {
      const std::span<float> sums = work.scratch.floats(sums_size());
      std::fill(sums.begin(), sums.end(), 0.0f);
      attend(rows(q), rows(k), rows(v), sums.data(), work.threads, rows(mixed));
    }
  }
  output_->forward(mixed, states.parts<FavorState>(work.scratch, output_of), work, y);
}

// The threads share the heads, so the sums run over the positions in order.
void Favor::attend(ConstMatrix q, ConstMatrix k, ConstMatrix v, float* sums, Threads& threads,
                   Matrix y) const {
  const size_t d_qk = heads_.d_qk;
  const size_t d_v = heads_.d_v;
  const size_t size = d_qk * (d_v + 1);
  threads.for_ranges(heads_.heads, kWorthSplitting / (2 * q.rows * size) + 1,
                     [&](size_t begin, size_t end) {
                       for (size_t head = begin; head < end; ++head) {
                         const HeadSums head_sums{sums + head * size, d_qk, d_v, epsilon_};
                         for (size_t i = 0; i < q.rows; ++i) {
                           head_sums.add(k.row(i) + head * d_qk, v.row(i) + head * d_v);
                           if (mask_ == Mask::causal) {
                             head_sums.read(q.row(i) + head * d_qk, y.row(i) + head * d_v);
                           }
                         }
                         for (size_t i = 0; mask_ == Mask::none && i < q.rows; ++i) {
                           head_sums.read(q.row(i) + head * d_qk, y.row(i) + head * d_v);
                         }
                       }
                     });
}

std::unique_ptr<Layer> make_favor(const AttentionArgs& args) {
  return make(args, Mask::none);
}

std::unique_ptr<Layer> make_causal_favor(const AttentionArgs& args) {
  return make(args, Mask::causal);
}

}  // namespace terse
