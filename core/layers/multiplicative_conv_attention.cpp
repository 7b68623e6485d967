#include "core/layers/multiplicative_conv_attention.h"

#include "core/layers/attention.h"
#include "core/layers/factored_dense.h"
#include "core/layers/locally_conv_dense.h"
#include "core/layers/multiplicative_conv_qkv.h"
#include "core/layers/serial.h"

namespace terse {
namespace {

MultiplicativeConvQkv::ValueInput value_input(const Params& params) {
  using ValueInput = MultiplicativeConvQkv::ValueInput;
  const std::string& type = params.word("v_concat_type", {"none", "fixed", "original"});
  if (type == "fixed") return ValueInput::joined_by_module;
  return type == "original" ? ValueInput::joined : ValueInput::shared;
}

std::unique_ptr<Layer> make_output(const AttentionArgs& args, size_t modules, size_t length) {
  const std::string& type =
      args.params.word("output_layer_type", {"none", "mult", "conv", "multconv"});
  if (type == "none") return nullptr;
  auto output = std::make_unique<Serial>();
  const size_t d = args.d_model;
  if (type != "conv") {
    output->push(std::make_unique<FactoredDense>(args.weights / "output_mult", modules, d, d), d);
  }
  if (type != "mult") {
    output->push(make_locally_conv_dense(args.weights / "output_conv", {modules, d, d, 3, length}),
                 d);
  }
  return output;
}

}  // namespace

std::unique_ptr<Layer> make_multiplicative_conv_attention(const AttentionArgs& args) {
  args.params.expect_only(
      {"sparsity", "length_kernel_size", "share_qk", "output_layer_type", "v_concat_type"});
  check_place(args, true);
  const size_t modules = modules_of(args);
  const size_t length = args.params.size("length_kernel_size", 1, 1024);
  const size_t d_head = head_size(args);
  const MultiplicativeConvQkv::Config config{
      args.d_model, modules, length, args.params.flag("share_qk"), value_input(args.params)};
  return std::make_unique<Attention>(std::make_unique<MultiplicativeConvQkv>(args.weights, config),
                                     make_output(args, modules, length),
                                     HeadShape{args.n_heads, d_head, d_head}, Mask::causal);
}

}  // namespace terse
