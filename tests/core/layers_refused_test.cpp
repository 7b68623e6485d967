// Settings that a layer cannot have are refused with a ModelError, not computed in some other way.
#include <catch2/catch.hpp>

#include "core/error.h"
#include "core/layers/attention_registry.h"
#include "core/layers/cross_attention.h"
#include "core/layers/feed_forward.h"
#include "core/layers/loss_layer.h"
#include "io/config.h"

using namespace terse;

namespace {

// Zeros of any shape.
class AnyWeights : public WeightSource {
 public:
  Tensor get(std::string_view, const Shape& shape, TensorKind) const override {
    return {DType::f32, shape, reinterpret_cast<const std::byte*>(zeros_.data())};
  }
  bool contains(std::string_view) const override { return true; }

 private:
  std::vector<float> zeros_ = std::vector<float>(1 << 16);
};

Params params(const char* where, const char* json) {
  return params_from_json(where, nlohmann::json::parse(json));
}

std::unique_ptr<Layer> attention(const char* name, const char* json, bool causal = true) {
  static const AnyWeights weights;
  const Params own = params(name, json);
  return make_attention_layer(name, {16, 4, 4, 4, causal, own, Weights(weights)});
}

}  // namespace

TEST_CASE("Attention that looks ahead cannot decode, and attention that looks back cannot encode") {
  CHECK_NOTHROW(attention("Attention", "{}", false));
  CHECK_THROWS_AS(attention("Attention", "{}", true), ModelError);
  CHECK_THROWS_AS(attention("CausalAttention", "{}", false), ModelError);
  CHECK_NOTHROW(attention("Favor", R"({"numerical_stabilizer": 0.001})", false));
  CHECK_THROWS_AS(attention("Favor", R"({"numerical_stabilizer": 0.001})", true), ModelError);
  CHECK_THROWS_AS(attention("CausalFavor", R"({"numerical_stabilizer": 0.001})", false),
                  ModelError);
}

TEST_CASE("Attention with settings that do not fit is refused") {
  CHECK_NOTHROW(attention("ModularCausalAttention", R"({"sparsity": null, "kernel_size": 3})"));
  CHECK_THROWS_AS(attention("ModularCausalAttention", R"({"sparsity": 4, "kernel_size": 2})"),
                  ModelError);
  CHECK_THROWS_AS(attention("ModularCausalAttention", R"({"sparsity": 3, "kernel_size": 1})"),
                  ModelError);
  CHECK_THROWS_AS(attention("ConvCausalAttention", R"({"sparsity": 4, "kernel_size": 4})"),
                  ModelError);
  CHECK_THROWS_AS(attention("MultiplicativeCausalAttention", R"({"sparsity": 5})"), ModelError);
  CHECK_THROWS_AS(attention("MultiplicativeModularCausalAttention", R"({"sparsity": 5})"),
                  ModelError);
  CHECK_THROWS_AS(attention("LowRankCausalAttention", R"({"lowrank": 0})"), ModelError);
  CHECK_THROWS_AS(attention("LowRankCausalAttention", R"({"lowrank": 4, "rank": 4})"), ModelError);
  CHECK_THROWS_AS(attention("NoSuchAttention", "{}"), ModelError);
}

TEST_CASE("Cross attention with settings that do not fit is refused") {
  const AnyWeights weights;
  const auto make = [&](const char* json) {
    return make_cross_attention(Weights(weights), 16, 4, params("Transformer", json));
  };
  CHECK_NOTHROW(make(R"({"enc_dec_attention_sparsity": null})"));
  CHECK_NOTHROW(
      make(R"({"enc_dec_attention_sparsity": {"q_sparsity": 4, "result_sparsity": "noop"}})"));
  CHECK_THROWS_AS(
      make(R"({"enc_dec_attention_sparsity": {"q_sparsity": 5, "result_sparsity": null}})"),
      ModelError);
  CHECK_THROWS_AS(
      make(R"({"enc_dec_attention_sparsity": {"q_sparsity": "off", "result_sparsity": null}})"),
      ModelError);
  CHECK_THROWS_AS(make(R"({"enc_dec_attention_sparsity": {"q_sparsity": 4}})"), ModelError);
}

TEST_CASE("Feed-forward and loss layers with settings that do not fit are refused") {
  const AnyWeights weights;
  const auto ff = [&](const char* sparsity) {
    const Params args =
        params_from_json("TransformerLM", {{"ff_activation", "Relu"},
                                           {"ff_use_sru", nullptr},
                                           {"ff_sparsity", nlohmann::json::parse(sparsity)}});
    return make_feed_forward(Weights(weights), {16, 32, true, args});
  };
  CHECK_NOTHROW(ff(R"({"type": "Block", "n_experts": 4})"));
  CHECK_THROWS_AS(ff(R"({"type": "Switch", "n_experts": 5})"), ModelError);
  CHECK_THROWS_AS(ff(R"({"type": "Block", "n_experts": 0})"), ModelError);
  CHECK_THROWS_AS(ff(R"({"type": "Mixture", "n_experts": 4})"), ModelError);

  const auto loss = [&](const char* json) {
    return make_loss_layer(Weights(weights), params("TransformerLM", json), 16, 30);
  };
  CHECK_NOTHROW(loss(R"({"loss_sparsity_type": "local3", "loss_sparsity": 2})"));
  CHECK_THROWS_AS(loss(R"({"loss_sparsity_type": "local", "loss_sparsity": 4})"), ModelError);
  CHECK_THROWS_AS(loss(R"({"loss_sparsity_type": "lowrank", "loss_d_lowrank": 0})"), ModelError);
  CHECK_THROWS_AS(loss(R"({"loss_sparsity_type": "fourier"})"), ModelError);
}
