#include "core/layers/feed_forward.h"

#include "core/error.h"
#include "core/layers/activation.h"
#include "core/layers/columns.h"
#include "core/layers/dense.h"
#include "core/layers/dense_ff.h"
#include "core/layers/expert_ff.h"
#include "core/layers/layer_norm.h"
#include "core/layers/serial.h"
#include "core/layers/sparse_ff.h"
#include "core/layers/sru.h"

namespace terse {
namespace {

// y = first(x) + second(x) (Trax: Residual with a shortcut).
class Sum : public Layer {
 public:
  Sum(std::unique_ptr<Layer> first, std::unique_ptr<Layer> second)
      : first_(std::move(first)), second_(std::move(second)), reads_(second_->reads_first()) {}

  std::unique_ptr<LayerState> new_state(const StateOptions& options) const override {
    auto state = std::make_unique<StateList>();
    state->parts.push_back(first_->new_state(options));
    state->parts.push_back(second_->new_state(options));
    return state;
  }

  kernels::ReadList reads_first() const override { return first_->reads_first(); }

  void forward(ConstMatrix x, LayerStates states, Workspace& work, Matrix y) const override {
    const Scratch::Frame frame(work.scratch);
    const Matrix other = work.scratch.matrix(y.rows, y.cols);
    const kernels::ReadList next = work.next;
    if (x.rows == 1) work.next = reads_;
    first_->forward(x, part_of(states, 0, work.scratch), work, y);
    work.next = next;
    second_->forward(x, part_of(states, 1, work.scratch), work, other);
    add_to(other, work.threads, y);
  }

 private:
  std::unique_ptr<Layer> first_, second_;
  kernels::ReadList reads_;  // what the second reads
};

std::unique_ptr<Layer> make_sparse(const Weights& weights, const FeedForwardArgs& args) {
  const Params& sparsity = args.params.group("ff_sparsity");
  const std::string& type = sparsity.text("type");
  if (type == "1inN") {
    sparsity.expect_only({"type", "n_elements_in_block", "d_lowrank"});
    const size_t n = sparsity.size("n_elements_in_block");
    const size_t rank = sparsity.is_null("d_lowrank") ? args.d_ff / n : sparsity.size("d_lowrank");
    return std::make_unique<SparseFF>(weights, SparseFF::Config{args.d_model, args.d_ff, n, rank});
  }
  if (type == "Block" || type == "Switch") {
    sparsity.expect_only({"type", "n_experts"});
    using Routing = ExpertFF::Routing;
    return std::make_unique<ExpertFF>(
        weights, ExpertFF::Config{args.d_model, args.d_ff, sparsity.size("n_experts"),
                                  type == "Block" ? Routing::block : Routing::switch_});
  }
  throw ModelError(sparsity.where() + ": unknown type '" + type + "'");
}

std::unique_ptr<Layer> make_core(const Weights& weights, const FeedForwardArgs& args) {
  if (!args.params.is_null("ff_sparsity")) return make_sparse(weights, args);
  return std::make_unique<DenseFF>(weights, args.d_model, args.d_ff,
                                   activation_of(args.params.text("ff_activation")));
}

std::unique_ptr<Layer> make_sru_branch(const Weights& weights, const FeedForwardArgs& args) {
  const Params& sru = args.params.group("ff_use_sru");
  sru.expect_only({"n_layers", "n_units"});
  const size_t n_units = sru.size("n_units");
  auto branch = std::make_unique<Serial>();
  branch->push(std::make_unique<LayerNorm>(weights / "norm", args.d_model, args.center_layernorm),
               args.d_model);
  branch->push(std::make_unique<Dense>(weights / "in", args.d_model, n_units), n_units);
  for (size_t i = 0; i < sru.size("n_layers", 0, 1024); ++i) {
    branch->push(std::make_unique<Sru>(weights / "layers" / i, n_units), n_units);
  }
  branch->push(std::make_unique<Dense>(weights / "out", n_units, args.d_model), args.d_model);
  return branch;
}

}  // namespace

std::unique_ptr<Layer> make_feed_forward(const Weights& weights, const FeedForwardArgs& args) {
  auto ff = std::make_unique<Serial>();
  ff->push(std::make_unique<LayerNorm>(weights / "norm", args.d_model, args.center_layernorm),
           args.d_model);
  ff->push(make_core(weights, args), args.d_model);
  if (args.params.is_null("ff_use_sru")) return ff;
  return std::make_unique<Sum>(std::move(ff), make_sru_branch(weights / "sru", args));
}

}  // namespace terse
