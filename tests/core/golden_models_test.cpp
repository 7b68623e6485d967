// Whole models against Trax: eval-mode logits, greedy decoding, and activations in between.
#include <catch2/catch.hpp>
#include <fstream>
#include <numeric>
#include <optional>
#include <sstream>

#include "core/kernels/vector.h"
#include "io/model_directory.h"
#include "tests/support/golden.h"

namespace terse::test {
namespace {

// tolerance: as golden/README.md states for the layers in use. skipped: decoding that Trax itself
// gets wrong, by the same page.
struct Case {
  const char* name;
  double tolerance = 1e-4;
  const char* skipped = "";
};

std::ostream& operator<<(std::ostream& out, const Case& c) {
  return out << c.name;
}

constexpr Case kCases[] = {
    {"terra_mult_conv"},
    {"terra_padded"},
    {"terra_padded_dense"},
    {"terra_two_types"},
    {"terra_released_like"},
    {"terra_axial"},
    {"terra_bfloat16"},
    {"terra_double"},
    {"terra_favor", 1e-3},
    {"terra_forget"},
    {"terra_nonrev"},
    {"terra_oneswap"},
    {"terra_oneswap_nonrev"},
    {"terra_vocabs"},
    {"lm_batch"},
    {"lm_block_ff"},
    {"lm_causal_favor", 1e-3},
    {"lm_conv"},
    {"lm_dense"},
    {"lm_loss_einsum"},
    {"lm_loss_prob"},
    {"lm_lowrank"},
    {"lm_modular"},
    {"lm_mult_modular"},
    {"lm_multconv_convout"},
    {"lm_multconv_fixed_shareqk"},
    {"lm_multconv_original"},
    {"lm_pos_axial"},
    {"lm_pos_dfeature", 1e-4, "predict_"},
    {"lm_pos_fixed_base"},
    {"lm_pos_none"},
    {"lm_pos_sincos"},
    {"lm_sparse_ff"},
    {"lm_sparse_ff_mult"},
    {"lm_sparse_ff_multconv"},
    {"lm_sru"},
    {"lm_switch_ff"},
    {"rlm_sparse"},
    {"tlm"},
    {"reformer"},
    {"rlm_self_attention"},
    {"ct_dense"},
    {"ct_fixed_base"},
    {"ct_sparse"},
    {"ct_sparse_tuple"},
    {"transformer"},
    {"transformer_vocabs"},
};

std::vector<std::string> layouts(const Case& c) {
  std::vector<std::string> found;
  for (const char* layout : {"split", "inline"}) {
    if (std::filesystem::exists(converted(c.name) / layout)) found.push_back(layout);
  }
  return found;
}

bool has(const Case& c, const std::string& file) {
  return std::filesystem::exists(golden(c.name) / file);
}

std::vector<int32_t> source_of(const Case& c, const std::string& file, size_t row) {
  if (!has(c, file)) return {};
  return id_row_without_padding(read_npy(golden(c.name) / file), row);
}

// The start symbol, then the target but its last token: what eval mode predicts the target from.
std::vector<int32_t> shifted_right(std::vector<int32_t> target) {
  target.insert(target.begin(), 0);
  target.pop_back();
  return target;
}

struct Decoded {
  std::vector<int32_t> ids;
  std::vector<float> logits;  // [steps, vocab]
};

Decoded decode_greedily(const Model& model, const std::vector<int32_t>& source,
                        const std::vector<int32_t>& prompt, size_t steps) {
  Workspace work(2);
  const size_t vocab = model.traits().target_vocab;
  Decoded decoded;
  decoded.logits.resize(steps * vocab);
  const auto state = model.start(source, {.capacity = prompt.size() + steps + 1}, work);
  std::vector<int32_t> tokens = prompt;
  tokens.insert(tokens.begin(), 0);
  for (size_t step = 0; step < steps; ++step) {
    const Matrix logits(decoded.logits.data() + step * vocab, 1, vocab);
    model.extend(*state, tokens, work, logits);
    decoded.ids.push_back(int32_t(kernels::argmax(logits.data, vocab)));
    tokens = {decoded.ids.back()};
  }
  return decoded;
}

}  // namespace

TEST_CASE("Eval-mode logits equal Trax's", "[golden]") {
  const Case c = GENERATE(from_range(std::begin(kCases), std::end(kCases)));
  CAPTURE(c);
  const Npy targets = read_npy(golden(c.name) / "eval_target.npy");
  const Npy expected = read_npy(golden(c.name) / "eval_logits.npy");
  REQUIRE_FALSE(layouts(c).empty());
  for (const std::string& layout : layouts(c)) {
    const ModelDirectory directory = open_model_directory(converted(c.name) / layout);
    CHECK(directory.weights->unused().empty());
    for (size_t row = 0; row < targets.shape[0]; ++row) {
      CAPTURE(layout, row);
      const std::vector<int32_t> target = id_row_without_padding(targets, row);
      Workspace work(2);
      std::vector<float> values(target.size() * directory.model->traits().target_vocab);
      const Matrix logits(values.data(), target.size(), directory.model->traits().target_vocab);
      const auto state = directory.model->start(source_of(c, "eval_source.npy", row), {}, work);
      directory.model->extend(*state, shifted_right(target), work, logits);
      CHECK(largest_difference(logits, block(expected, row)) < c.tolerance);
    }
  }
}

TEST_CASE("Greedy decoding gives Trax's tokens and logits", "[golden]") {
  const Case c = GENERATE(from_range(std::begin(kCases), std::end(kCases)));
  const std::string prefix = GENERATE("predict_", "evalmode_");
  CAPTURE(c, prefix);
  if (!has(c, prefix + "tokens.npy") || prefix == c.skipped) return;
  const Npy tokens = read_npy(golden(c.name) / (prefix + "tokens.npy"));
  const Npy logits = read_npy(golden(c.name) / (prefix + "logits.npy"));
  const ModelDirectory directory = open_model_directory(converted(c.name) / "split");
  for (size_t row = 0; row < tokens.shape[0]; ++row) {
    CAPTURE(row);
    std::vector<int32_t> prompt;
    if (has(c, prefix + "prompt.npy")) {
      prompt = id_row(read_npy(golden(c.name) / (prefix + "prompt.npy")), row);
    }
    const size_t steps = tokens.shape[1];
    const Decoded decoded =
        decode_greedily(*directory.model, source_of(c, prefix + "source.npy", row), prompt, steps);
    CHECK(decoded.ids == id_row(tokens, row));
    const ConstMatrix found(decoded.logits.data(), steps, decoded.logits.size() / steps);
    CHECK(largest_difference(found, block(logits, row)) < c.tolerance);
  }
}

TEST_CASE("A cached sequence gives the bits of a fresh one, whatever the pieces and the threads",
          "[golden]") {
  const Case c = GENERATE(from_range(std::begin(kCases), std::end(kCases)));
  CAPTURE(c);
  const ModelDirectory directory = open_model_directory(converted(c.name) / "split");
  const Npy targets = read_npy(golden(c.name) / "eval_target.npy");
  const std::vector<int32_t> source = source_of(c, "eval_source.npy", 0);
  const std::vector<int32_t> tokens = shifted_right(id_row_without_padding(targets, 0));
  const size_t vocab = directory.model->traits().target_vocab;
  const auto last_logits = [&](size_t n_threads, size_t piece) {
    Workspace work(n_threads);
    std::vector<float> logits(vocab);
    const auto state = directory.model->start(source, {}, work);
    for (size_t begin = 0; begin < tokens.size(); begin += piece) {
      const size_t n = std::min(piece, tokens.size() - begin);
      directory.model->extend(*state, std::span(tokens).subspan(begin, n), work,
                              Matrix(logits.data(), 1, vocab));
    }
    return logits;
  };
  const std::vector<float> whole = last_logits(1, tokens.size());
  CHECK(last_logits(2, tokens.size()) == whole);
  CHECK(last_logits(1, 1) == whole);
  CHECK(last_logits(3, 5) == whole);
}

namespace {

struct TraceCase {
  const char* name;
  size_t encoder_steps;  // that Trax's trace shows
  size_t decoder_steps;
};

std::ostream& operator<<(std::ostream& out, const TraceCase& c) {
  return out << c.name;
}

// What stands in a stack after one step: two streams, or one.
struct Traced {
  Npy first;
  std::optional<Npy> second;
};

bool belongs_to(const std::string& stack, const std::string& layer) {
  const bool encoder = layer.find("HalfResidualEncoder") != std::string::npos;
  if (stack == "encoder") return encoder;
  const bool residual = layer.find('/') == std::string::npos && layer.ends_with(".Serial");
  return residual || (!encoder && layer.find("HalfResidual") != std::string::npos);
}

// The last `n` activations of trace.tsv that stand after a step of one stack, in order. The final
// LayerNorm ends the stacks.
std::vector<Traced> traced_steps(const std::string& name, const std::string& stack, size_t n) {
  std::ifstream table(golden(name) / "trace.tsv");
  std::vector<Traced> steps;
  for (std::string line; std::getline(table, line);) {
    std::istringstream fields(line);
    std::string file, output, shape, layer;
    fields >> file >> output >> shape >> layer;
    if (layer.find('/') == std::string::npos && layer.ends_with("LayerNorm")) break;
    if (!belongs_to(stack, layer)) continue;
    const Npy array = read_npy(golden(name) / file);
    if (output == "0") {
      steps.push_back({array, std::nullopt});
    } else if (layer.find("HalfResidual") != std::string::npos) {
      steps.back().second = array;
    }
  }
  REQUIRE(steps.size() >= n);
  return {steps.end() - std::ptrdiff_t(n), steps.end()};
}

}  // namespace

TEST_CASE("Activations after every layer of a stack equal Trax's", "[golden]") {
  const TraceCase trace = GENERATE(
      TraceCase{"terra_mult_conv", 4, 4}, TraceCase{"lm_dense", 0, 4}, TraceCase{"tlm", 0, 4},
      TraceCase{"lm_mult_modular", 0, 4}, TraceCase{"lm_sparse_ff", 0, 4},
      TraceCase{"lm_sparse_ff_multconv", 0, 4}, TraceCase{"lm_sru", 0, 4},
      TraceCase{"terra_nonrev", 4, 6}, TraceCase{"terra_vocabs", 4, 4},
      TraceCase{"terra_oneswap_nonrev", 4, 4}, TraceCase{"terra_favor", 4, 4},
      TraceCase{"reformer", 4, 6}, TraceCase{"rlm_self_attention", 0, 4},
      TraceCase{"ct_dense", 0, 6}, TraceCase{"ct_sparse", 0, 6}, TraceCase{"transformer", 0, 6});
  CAPTURE(trace);
  const Case c{trace.name};
  const auto encoder = traced_steps(trace.name, "encoder", trace.encoder_steps);
  const auto decoder = traced_steps(trace.name, "decoder", trace.decoder_steps);
  const ModelDirectory directory = open_model_directory(converted(c.name) / "split");
  const Npy targets = read_npy(golden(c.name) / "eval_target.npy");
  for (size_t row = 0; row < targets.shape[0]; ++row) {
    size_t n_seen = 0;
    Probe probe;
    probe.after_step = [&](std::string_view stack, size_t step, ConstMatrix first,
                           ConstMatrix second) {
      CAPTURE(row, std::string(stack), step);
      const auto& expected = stack == "encoder" ? encoder : decoder;
      if (stack == "encoder" && encoder.empty()) return;
      REQUIRE(step < expected.size());
      CHECK(largest_difference(first, block(expected[step].first, row)) < 1e-4);
      const Npy& other = expected[step].second.value_or(expected[step].first);
      CHECK(largest_difference(second, block(other, row)) < 1e-4);
      ++n_seen;
    };
    Workspace work;
    work.probe = &probe;
    const std::vector<int32_t> target = id_row_without_padding(targets, row);
    std::vector<float> logits(directory.model->traits().target_vocab);
    const auto state = directory.model->start(source_of(c, "eval_source.npy", row), {}, work);
    directory.model->extend(*state, shifted_right(target), work,
                            Matrix(logits.data(), 1, logits.size()));
    CHECK(n_seen == encoder.size() + decoder.size());
  }
}

}  // namespace terse::test
