// Cross attention against Trax's AttentionQKV.
#include <catch2/catch.hpp>

#include "core/layers/cross_attention.h"
#include "io/config.h"
#include "io/json.h"
#include "io/safetensors.h"
#include "tests/support/golden.h"

namespace terse::test {
namespace {

struct LoadedCrossAttention {
  explicit LoadedCrossAttention(const std::string& name)
      : folder(golden("layers") / name),
        weights(converted("layers") / name / "model.safetensors"),
        queries(read_npy(folder / "input_0.npy")),
        keys(read_npy(folder / "input_1.npy")),
        values(read_npy(folder / "input_2.npy")),
        mask(read_npy(folder / "input_3.npy")),
        output(read_npy(folder / "output_0.npy")) {
    const auto params = read_json_file(converted("layers") / name / "config.json")["params"];
    nlohmann::json args = {{"enc_dec_attention_sparsity", nullptr}};
    if (!params["q_sparsity"].is_null() || !params["result_sparsity"].is_null()) {
      args["enc_dec_attention_sparsity"] = {{"q_sparsity", params["q_sparsity"]},
                                            {"result_sparsity", params["result_sparsity"]}};
    }
    layer = make_cross_attention(Weights(weights), queries.shape.back(),
                                 params["n_heads"].get<size_t>(), params_from_json(name, args));
  }

  // The mask stands as [batch, 1, 1, length] and is zero at padding.
  size_t source_length(size_t sequence) const {
    const size_t padded = keys.shape[1];
    size_t n = 0;
    for (size_t i = sequence * padded; i < (sequence + 1) * padded; ++i) {
      n += mask.ints.empty() ? mask.floats[i] != 0 : mask.ints[i] != 0;
    }
    return n;
  }

  std::unique_ptr<LayerState> new_state(size_t sequence, Workspace& work) const {
    const size_t n = source_length(sequence);
    return layer->new_state(block(keys, sequence).middle_rows(0, n),
                            block(values, sequence).middle_rows(0, n), {}, work);
  }

  std::filesystem::path folder;
  SafetensorsFile weights;
  Npy queries, keys, values, mask, output;
  std::unique_ptr<CrossAttention> layer;
};

}  // namespace

TEST_CASE("Cross attention equals Trax's, in one call and position by position", "[golden]") {
  const std::string name = GENERATE("attention_qkv", "attention_qkv_sparse");
  const size_t piece = GENERATE(size_t{1}, size_t{3}, size_t{1000});
  CAPTURE(name, piece);
  const LoadedCrossAttention loaded(name);
  CHECK(loaded.weights.unused().empty());
  Workspace work(2);
  for (size_t sequence = 0; sequence < loaded.queries.shape[0]; ++sequence) {
    const ConstMatrix x = block(loaded.queries, sequence);
    std::vector<float> y(x.rows * x.cols, NAN);
    const auto state = loaded.new_state(sequence, work);
    for (size_t begin = 0; begin < x.rows; begin += piece) {
      const size_t n = std::min(piece, x.rows - begin);
      loaded.layer->forward(x.middle_rows(begin, n), state.get(), work,
                            Matrix(y.data() + begin * x.cols, n, x.cols));
    }
    CHECK(largest_difference(ConstMatrix(y.data(), x.rows, x.cols),
                             block(loaded.output, sequence)) < 1e-4);
  }
}

TEST_CASE("A cloned cross attention goes its own way", "[golden]") {
  const LoadedCrossAttention loaded("attention_qkv_sparse");
  Workspace work;
  const ConstMatrix x = block(loaded.queries, 0);
  std::vector<float> y(x.cols), z(x.cols);
  const auto state = loaded.new_state(0, work);
  loaded.layer->forward(x.middle_rows(0, 1), state.get(), work, Matrix(y.data(), 1, x.cols));
  const auto copy = state->clone();
  loaded.layer->forward(x.middle_rows(3, 1), copy.get(), work, Matrix(z.data(), 1, x.cols));
  for (size_t i = 1; i < x.rows; ++i) {
    loaded.layer->forward(x.middle_rows(i, 1), state.get(), work, Matrix(y.data(), 1, x.cols));
    CHECK(largest_difference(ConstMatrix(y.data(), 1, x.cols),
                             block(loaded.output, 0).middle_rows(i, 1)) < 1e-4);
  }
}

}  // namespace terse::test
