// Single layers against Trax: in one call, and in the pieces in which Trax's predict mode was
// called.
#include <catch2/catch.hpp>
#include <fstream>
#include <functional>
#include <map>

#include "core/layers/attention_registry.h"
#include "core/layers/dense.h"
#include "core/layers/expert_ff.h"
#include "core/layers/factored_dense.h"
#include "core/layers/layer_norm.h"
#include "core/layers/locally_connected_dense.h"
#include "core/layers/locally_conv_dense.h"
#include "core/layers/low_rank_dense.h"
#include "core/layers/multiplicative_modular_dense.h"
#include "core/layers/sparse_ff.h"
#include "core/layers/sru.h"
#include "io/config.h"
#include "io/json.h"
#include "io/safetensors.h"
#include "tests/support/golden.h"

namespace terse::test {
namespace {

// What a layer is built from: its arguments by Trax's names, its weights, and the sizes that its
// data has.
struct LayerArgs {
  std::string name;
  const Params& params;
  Weights weights;
  size_t d_in;
  size_t d_out;
};

using Build = std::function<std::unique_ptr<Layer>(const LayerArgs&)>;

std::unique_ptr<Layer> build_attention(const LayerArgs& args, bool causal) {
  const size_t n_heads = args.params.size("n_heads");
  // What stands beside the layer's own arguments is what a model would say of it.
  Params own = args.params.without({"d_feature", "n_heads", "d_qk", "d_v", "causal", "masked"});
  const size_t d_head = args.d_in / n_heads;
  return make_attention_layer(args.name,
                              {args.d_in, n_heads, d_head, d_head, causal, own, args.weights});
}

std::unique_ptr<Layer> build_causal_attention(const LayerArgs& args) {
  return build_attention(args, true);
}

std::unique_ptr<Layer> build_either_attention(const LayerArgs& args) {
  return build_attention(args, args.params.flag("causal"));
}

std::unique_ptr<Layer> build_dense(const LayerArgs& args) {
  return std::make_unique<Dense>(args.weights, args.d_in, args.d_out);
}

std::unique_ptr<Layer> build_experts(const LayerArgs& args, ExpertFF::Routing routing) {
  return std::make_unique<ExpertFF>(args.weights,
                                    ExpertFF::Config{args.d_in, args.params.size("d_ff"),
                                                     args.params.size("n_experts"), routing});
}

const std::map<std::string, Build> kBuilders = {
    {"Dense", build_dense},
    {"EinsumDense", build_dense},
    {"LowRankDense",
     [](const LayerArgs& a) {
       return make_low_rank_dense(a.weights, a.d_in, a.params.size("d_lowrank"), a.d_out);
     }},
    {"MultiplicativeModularSparseDense",
     [](const LayerArgs& a) {
       return std::make_unique<MultiplicativeModularDense>(a.weights, a.params.size("sparsity"),
                                                           a.d_in);
     }},
    {"LocallyConnectedDense",
     [](const LayerArgs& a) {
       return make_locally_connected_dense(
           a.weights, {a.params.size("n_modules"), a.d_in, a.d_out, a.params.size("kernel_size")});
     }},
    {"BlockSparseFF",
     [](const LayerArgs& a) { return build_experts(a, ExpertFF::Routing::block); }},
    {"SwitchSparseFF",
     [](const LayerArgs& a) { return build_experts(a, ExpertFF::Routing::switch_); }},
    {"LayerNorm",
     [](const LayerArgs& a) {
       return std::make_unique<LayerNorm>(a.weights, a.d_in, a.params.flag("center"));
     }},
    {"FactoredDense",
     [](const LayerArgs& a) {
       return std::make_unique<FactoredDense>(a.weights, a.params.size("n_modules"), a.d_in,
                                              a.d_out, a.params.flag("use_bias"));
     }},
    {"LocallyConvDense",
     [](const LayerArgs& a) {
       return make_locally_conv_dense(
           a.weights, {a.params.size("n_modules"), a.d_in, a.d_out, a.params.size("kernel_size"),
                       a.params.size("length_kernel_size")});
     }},
    {"SparseFF",
     [](const LayerArgs& a) {
       return std::make_unique<SparseFF>(
           a.weights,
           SparseFF::Config{a.d_in, a.params.size("d_ff"), a.params.size("n_elements_in_block"),
                            a.params.size("d_lowrank"),
                            a.params.flag("multiply_by_controller_output")});
     }},
    {"SRU", [](const LayerArgs& a) { return std::make_unique<Sru>(a.weights, a.d_in); }},
    {"Attention", [](const LayerArgs& a) { return build_attention(a, false); }},
    {"Favor", [](const LayerArgs& a) { return build_attention(a, false); }},
    {"CausalAttention", build_causal_attention},
    {"CausalFavor", build_causal_attention},
    {"ConvCausalAttention", build_causal_attention},
    {"LowRankCausalAttention", build_causal_attention},
    {"ModularCausalAttention", build_causal_attention},
    {"MultiplicativeCausalAttention", build_causal_attention},
    {"MultiplicativeConvCausalAttention", build_causal_attention},
    {"MultiplicativeModularCausalAttention", build_causal_attention},
    {"SelfAttention", build_either_attention},
    {"LSHSelfAttention", build_either_attention},
};

struct Case {
  const char* name;
  double tolerance = 1e-4;
  size_t sequences = SIZE_MAX;  // that are compared: hash keys are those of the first one
};

std::ostream& operator<<(std::ostream& out, const Case& c) {
  return out << c.name;
}

constexpr Case kCases[] = {
    {"dense"},
    {"layernorm"},
    {"layernorm_nocenter"},
    {"factored_dense"},
    {"factored_dense_nobias"},
    {"locally_conv_dense"},
    {"locally_conv_dense_k1"},
    {"locally_conv_dense_nolength"},
    {"sparse_ff"},
    {"sparse_ff_chunked"},
    {"sru"},
    {"attention"},
    {"causal_attention"},
    {"block_sparse_ff"},
    {"causal_favor"},
    {"conv_causal_attention"},
    {"einsum_dense"},
    {"favor"},
    {"locally_connected_dense_k1"},
    {"locally_connected_dense_k3"},
    {"locally_connected_dense_k5"},
    {"lowrank_causal_attention"},
    {"lowrank_dense"},
    {"modular_causal_attention"},
    {"mult_causal_attention"},
    {"mult_modular_causal_attention"},
    {"mult_modular_dense"},
    {"sparse_ff_mult_controller"},
    {"switch_sparse_ff"},
    {"multconv_fixed_conv"},
    {"multconv_fixed_conv_shareqk"},
    {"multconv_fixed_mult"},
    {"multconv_fixed_mult_shareqk"},
    {"multconv_none_multconv"},
    {"multconv_none_multconv_shareqk"},
    {"multconv_none_none"},
    {"multconv_none_none_shareqk"},
    {"multconv_original_multconv"},
    {"multconv_original_multconv_shareqk"},
    {"multconv_original_none"},
    {"multconv_original_none_shareqk"},
};

// Layers that compute one thing in Trax's eval mode and another in predict mode.
constexpr Case kTwoModes[] = {
    {"self_attention"},
    {"self_attention_masked"},
    {"self_attention_shared_chunked"},
    {"self_attention_forgets"},
    {"self_attention_long_call"},
    {"lsh_self_attention", 1e-3, 1},
    {"lsh_self_attention_masked", 1e-3, 1},
    {"lsh_self_attention_forgets", 1e-3, 1},
    {"lsh_self_attention_long_call", 1e-3, 1},
};

std::vector<Case> all_cases() {
  std::vector<Case> all(std::begin(kCases), std::end(kCases));
  all.insert(all.end(), std::begin(kTwoModes), std::end(kTwoModes));
  return all;
}

// A case with its layer, ready to run.
struct LoadedLayer {
  explicit LoadedLayer(const Case& c)
      : folder(golden("layers") / c.name),
        config(read_json_file(folder / "config.json")),
        weights(converted("layers") / c.name / "model.safetensors"),
        input(read_npy(folder / "input_0.npy")),
        output(read_npy(folder / "output_0.npy")) {
    const auto json = read_json_file(converted("layers") / c.name / "config.json");
    const std::string name = json["layer"].get<std::string>();
    const Params params = params_from_json(name, json["params"]);
    layer = kBuilders.at(name)(
        {name, params, Weights(weights), input.shape.back(), output.shape.back()});
  }

  // Positions of a sequence that are no padding; where Trax takes a mask, it is the second input.
  size_t length(size_t sequence) const {
    const size_t padded = input.shape[1];
    if (!std::filesystem::exists(folder / "input_1.npy")) return padded;
    const Npy mask = read_npy(folder / "input_1.npy");
    size_t n = 0;
    for (size_t i = sequence * padded; i < (sequence + 1) * padded; ++i) {
      n += mask.ints.empty() ? mask.floats[i] != 0 : mask.ints[i] != 0;
    }
    return n;
  }

  std::filesystem::path folder;
  nlohmann::json config;
  SafetensorsFile weights;
  Npy input;
  Npy output;
  std::unique_ptr<Layer> layer;
};

// Runs one sequence in calls of the given lengths, on two threads.
std::vector<float> run(const LoadedLayer& loaded, size_t sequence, const std::vector<size_t>& calls,
                       Purpose purpose) {
  Workspace work(2);
  const ConstMatrix x = block(loaded.input, sequence);
  const size_t d_out = loaded.output.shape.back();
  std::vector<float> y(x.rows * d_out, NAN);
  const auto state = loaded.layer->new_state({.purpose = purpose});
  size_t begin = 0;
  for (size_t n : calls) {
    loaded.layer->forward(x.middle_rows(begin, n), state.get(), work,
                          Matrix(y.data() + begin * d_out, n, d_out));
    begin += n;
  }
  y.resize(begin * d_out);
  return y;
}

}  // namespace

TEST_CASE("A layer's output equals Trax's", "[golden]") {
  const Case c = GENERATE(from_range(all_cases()));
  CAPTURE(c);
  const LoadedLayer loaded(c);
  CHECK(loaded.weights.unused().empty());
  for (size_t sequence = 0; sequence < std::min(c.sequences, loaded.input.shape[0]); ++sequence) {
    const size_t length = loaded.length(sequence);
    const std::vector<float> y = run(loaded, sequence, {length}, Purpose::score);
    const ConstMatrix found(y.data(), length, loaded.output.shape.back());
    CHECK(largest_difference(found, block(loaded.output, sequence)) < c.tolerance);
  }
}

TEST_CASE("A layer that is called piece by piece equals Trax's predict mode", "[golden]") {
  const Case c = GENERATE(from_range(all_cases()));
  CAPTURE(c);
  const LoadedLayer loaded(c);
  if (!loaded.config.contains("predict_call_lengths")) return;
  const auto calls = loaded.config["predict_call_lengths"].get<std::vector<size_t>>();
  const Npy expected = read_npy(loaded.folder / "predict_output.npy");
  for (size_t sequence = 0; sequence < std::min(c.sequences, expected.shape[0]); ++sequence) {
    const std::vector<float> y = run(loaded, sequence, calls, Purpose::decode);
    const ConstMatrix found(y.data(), expected.shape[1], expected.shape[2]);
    CHECK(largest_difference(found, block(expected, sequence)) < c.tolerance);
  }
}

TEST_CASE("A causal layer that is called position by position equals one call", "[golden]") {
  const Case c = GENERATE(from_range(std::begin(kCases), std::end(kCases)));
  CAPTURE(c);
  const LoadedLayer loaded(c);
  const bool looks_ahead = std::filesystem::exists(loaded.folder / "input_1.npy");
  if (looks_ahead) return;
  const size_t length = loaded.input.shape[1];
  CHECK(run(loaded, 0, std::vector<size_t>(length, 1), Purpose::decode) ==
        run(loaded, 0, {length}, Purpose::decode));
}

}  // namespace terse::test
