// From the class of a model in its configuration to the model. A new model is listed here.
#include "core/error.h"
#include "core/models/encoder_decoder.h"
#include "core/models/language_model.h"
#include "core/models/model.h"
#include "core/models/terraformer.h"

namespace terse {
namespace {

struct Entry {
  const char* name;
  std::unique_ptr<Model> (*make)(const Params&, const Weights&);
};

constexpr Entry kModels[] = {
    {"ConfigurableTerraformer", make_terraformer},
    {"ConfigurableTransformer", make_transformer},
    {"ConfigurableTransformerLM", make_transformer_lm},
    {"Reformer", make_reformer},
    {"ReformerLM", make_reformer_lm},
    {"Transformer", make_transformer},
    {"TransformerLM", make_transformer_lm},
};

}  // namespace

std::unique_ptr<Model> make_model(const ModelConfig& config, const WeightSource& source) {
  for (const Entry& entry : kModels) {
    if (config.model == entry.name) return entry.make(config.args, Weights(source));
  }
  throw ModelError("unknown model class '" + config.model + "'");
}

}  // namespace terse
