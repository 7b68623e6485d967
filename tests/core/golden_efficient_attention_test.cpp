// Models with SelfAttention and LSH attention against Trax, whose eval and predict modes are two
// algorithms for them (tests/golden/README.md, "Decoding", "Random keys").
#include <catch2/catch.hpp>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>

#include "core/kernels/vector.h"
#include "io/model_directory.h"
#include "tests/support/golden.h"

namespace terse::test {
namespace {

struct Case {
  const char* name;
  double tolerance;
};

std::ostream& operator<<(std::ostream& out, const Case& c) {
  return out << c.name;
}

constexpr Case kCases[] = {
    {"terra_self_attention", 1e-4},
    {"terra_self_attention_padded", 1e-4},
    {"terra_lsh", 1e-3},
    {"terra_purelsh", 1e-3},
    {"terra_purelsh_rotary", 1e-3},
    {"terra_purelsh_sparse", 1e-3},
    {"terra_purelsh_w2", 1e-3},
    {"terra_mixed_lsh", 1e-3},
    {"lm_self_attention", 1e-4},
    {"lm_self_attention_shared", 1e-4},
    {"lm_lsh", 1e-3},
    {"rlm_self_attention", 1e-4},
    {"rlm_lsh", 1e-3},
};

bool has(const Case& c, const std::string& file) {
  return std::filesystem::exists(golden(c.name) / file);
}

bool hashes(const Case& c) {
  return has(c, "lsh_keys_eval.json");
}

// A model whose LSH layers have the keys that Trax gave to one example of a batch.
class KeysOfExample : public WeightSource {
 public:
  KeysOfExample(const Case& c, const SafetensorsFile& file, size_t example) : file_(file) {
    if (!hashes(c)) return;
    std::vector<std::string> names;
    file.for_each([&](const std::string& name, const Tensor&, const auto*) {
      if (name.ends_with("hash_keys")) names.push_back(name);
    });
    // Encoder before decoder, layer by layer: the order of the entries in Trax's file.
    std::sort(names.begin(), names.end(), [](const std::string& a, const std::string& b) {
      return std::make_pair(a[0] != 'e', a) < std::make_pair(b[0] != 'e', b);
    });
    const auto entries =
        nlohmann::json::parse(std::ifstream(golden(c.name) / "lsh_keys_eval.json"));
    for (size_t i = 0; i < names.size(); ++i) {
      const auto& keys = entries[i]["keys"];
      const size_t heads = keys.size() / 2;  // two examples
      for (size_t head = 0; head < heads; ++head) {
        const auto& key = keys[example * heads + head];
        keys_[names[i]].push_back(key[0].get<uint32_t>());
        keys_[names[i]].push_back(key[1].get<uint32_t>());
      }
    }
  }

  Tensor get(std::string_view name, const Shape& shape, TensorKind kind) const override {
    const auto found = keys_.find(name);
    if (found == keys_.end()) return file_.get(name, shape, kind);
    return {DType::u32, shape, reinterpret_cast<const std::byte*>(found->second.data())};
  }
  bool contains(std::string_view name) const override { return file_.contains(name); }

 private:
  const SafetensorsFile& file_;
  std::map<std::string, std::vector<uint32_t>, std::less<>> keys_;
};

std::vector<int32_t> source_of(const Case& c, const std::string& file, size_t row) {
  if (!has(c, file)) return {};
  return id_row_without_padding(read_npy(golden(c.name) / file), row);
}

// Trax lets padding take part in hashing, so a padded row has other chunks than an unpadded one.
bool comparable(const Case& c, size_t row) {
  if (!hashes(c) || !has(c, "eval_source.npy")) return true;
  const Npy source = read_npy(golden(c.name) / "eval_source.npy");
  return id_row_without_padding(source, row).size() == source.shape[1];
}

std::vector<float> eval_logits(const Model& model, const std::vector<int32_t>& source,
                               std::vector<int32_t> target, size_t n_threads) {
  target.insert(target.begin(), 0);
  target.pop_back();
  Workspace work(n_threads);
  std::vector<float> values(target.size() * model.traits().target_vocab);
  const auto state = model.start(source, {.purpose = Purpose::score}, work);
  model.extend(*state, target, work,
               Matrix(values.data(), target.size(), model.traits().target_vocab));
  return values;
}

}  // namespace

TEST_CASE("Eval-mode logits of efficient attention equal Trax's, on any number of threads",
          "[golden]") {
  const Case c = GENERATE(from_range(std::begin(kCases), std::end(kCases)));
  CAPTURE(c);
  const Npy targets = read_npy(golden(c.name) / "eval_target.npy");
  const Npy expected = read_npy(golden(c.name) / "eval_logits.npy");
  const ModelDirectory directory = open_model_directory(converted(c.name) / "split");
  CHECK(directory.weights->unused().empty());
  for (size_t row = 0; row < targets.shape[0]; ++row) {
    if (!comparable(c, row)) continue;
    CAPTURE(row);
    const KeysOfExample weights(c, *directory.weights, row);
    const auto model = make_model(directory.config, weights);
    const std::vector<int32_t> source = source_of(c, "eval_source.npy", row);
    const std::vector<int32_t> target = id_row_without_padding(targets, row);
    const std::vector<float> found = eval_logits(*model, source, target, 1);
    const ConstMatrix logits(found.data(), target.size(), found.size() / target.size());
    CHECK(largest_difference(logits, block(expected, row)) < c.tolerance);
    CHECK(eval_logits(*model, source, target, 3) == found);
  }
}

TEST_CASE("Decoding with efficient attention gives the tokens and logits of Trax's predict mode",
          "[golden]") {
  const Case c = GENERATE(from_range(std::begin(kCases), std::end(kCases)));
  CAPTURE(c);
  if (!has(c, "predict_tokens.npy")) return;
  // Trax's predict mode attends to the padding of this source.
  if (std::string(c.name) == "terra_self_attention_padded") return;
  const ModelDirectory directory =
      open_model_directory(converted(c.name) / (hashes(c) ? "split_predict" : "split"));
  const Npy tokens = read_npy(golden(c.name) / "predict_tokens.npy");
  const Npy logits = read_npy(golden(c.name) / "predict_logits.npy");
  const size_t steps = tokens.shape[1];
  const size_t vocab = directory.model->traits().target_vocab;
  std::vector<int32_t> next;
  if (has(c, "predict_prompt.npy"))
    next = id_row(read_npy(golden(c.name) / "predict_prompt.npy"), 0);
  next.insert(next.begin(), 0);

  Workspace work(2);
  std::vector<float> found(steps * vocab);
  std::vector<int32_t> ids;
  auto state = directory.model->start(source_of(c, "predict_source.npy", 0), {}, work);
  for (size_t step = 0; step < steps; ++step) {
    const Matrix row(found.data() + step * vocab, 1, vocab);
    directory.model->extend(*state, next, work, row);
    ids.push_back(int32_t(kernels::argmax(row.data, vocab)));
    next = {ids.back()};
    state = state->clone();
  }
  CHECK(ids == id_row(tokens, 0));
  CHECK(largest_difference(ConstMatrix(found.data(), steps, vocab), block(logits, 0)) <
        c.tolerance);
}

}  // namespace terse::test
