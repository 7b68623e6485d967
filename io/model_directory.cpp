#include "io/model_directory.h"

#include <algorithm>
#include <future>

#include "core/error.h"

namespace terse {
namespace {

// Up to here a model's data is compared with its digest whenever it is opened: it takes
// milliseconds.
constexpr uint64_t kAlwaysVerified = uint64_t{256} << 20;

void check_tokenizer(const ModelDirectory& directory) {
  if (!directory.tokenizer) return;
  const size_t pieces = directory.tokenizer->size();
  const ModelTraits& traits = directory.model->traits();
  const size_t vocab =
      traits.has_source ? std::min(traits.source_vocab, traits.target_vocab) : traits.target_vocab;
  if (pieces > vocab) {
    throw ModelError(directory.path.string() + ": the tokenizer has " + std::to_string(pieces) +
                     " pieces but the model's vocabulary is " + std::to_string(vocab) +
                     "; was the model converted with its own tokenizer?");
  }
}

}  // namespace

size_t ModelDirectory::max_source_tokens() const {
  const size_t limit = model->traits().max_source;
  return std::min(limit, generation.max_source_tokens.value_or(limit));
}

std::vector<int32_t> ModelDirectory::encode(std::string_view text) const {
  if (!tokenizer) {
    throw InputError("the model in " + path.string() +
                     " has no tokenizer: give token ids, or convert it with --tokenizer");
  }
  return tokenizer->encode(text);
}

std::vector<int32_t> ModelDirectory::encode_source(std::string_view text) const {
  std::vector<int32_t> ids = encode(text);
  if (generation.append_eos_to_source && !ids.empty()) ids.push_back(generation.eos_token_id);
  return ids;
}

ModelDirectory open_model_directory(const std::filesystem::path& path, Access access) {
  if (!std::filesystem::is_directory(path)) {
    throw ModelError(path.string() + " is not a directory; a model is a directory with " +
                     "config.json and model.safetensors");
  }
  ModelDirectory directory;
  directory.path = path;
  directory.config = read_model_config(path / "config.json");
  directory.generation = read_generation_config(path / "generation_config.json");
  // The tokenizer takes as long as a small model's weights, so both come at once.
  auto tokenizer = std::async(std::launch::async, [&] {
    return load_tokenizer(path, directory.generation.n_reserved_ids);
  });
  directory.weights = std::make_unique<SafetensorsFile>(path / "model.safetensors", access);
  if (directory.weights->total_bytes() <= kAlwaysVerified) directory.weights->verify();
  try {
    const RecordedWeights recorded(*directory.weights);
    directory.model = make_model(directory.config, recorded);
    directory.traffic = weight_traffic(recorded.uses());
  } catch (const ModelError& error) {
    throw ModelError(path.string() + ": " + error.what());
  }
  directory.tokenizer = tokenizer.get();
  check_tokenizer(directory);
  return directory;
}

}  // namespace terse
