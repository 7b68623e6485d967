#include "io/config.h"

#include <cmath>

#include "core/error.h"
#include "io/json.h"

namespace terse {
namespace {

constexpr int kLayout = 1;

bool is_layer(const nlohmann::json& json) {
  return json.size() == 2 && json.contains("layer") && json["layer"].is_string() &&
         json.contains("params") && json["params"].is_object();
}

Value value_from_json(const std::string& where, const nlohmann::json& json) {
  switch (json.type()) {
    case nlohmann::json::value_t::null:
      return {};
    case nlohmann::json::value_t::boolean:
      return {json.get<bool>()};
    case nlohmann::json::value_t::number_integer:
    case nlohmann::json::value_t::number_unsigned: {
      const bool too_large = json.is_number_unsigned() && json.get<uint64_t>() > INT64_MAX;
      if (too_large) throw ModelError(where + ": a number is too large: " + json.dump());
      return {json.get<int64_t>()};
    }
    case nlohmann::json::value_t::number_float:
      return {json.get<double>()};
    case nlohmann::json::value_t::string:
      return {json.get<std::string>()};
    case nlohmann::json::value_t::array: {
      Value::List list;
      for (const auto& element : json) list.push_back(value_from_json(where, element));
      return {list};
    }
    default:
      break;
  }
  if (is_layer(json)) {
    const std::string name = json["layer"].get<std::string>();
    return {LayerSpec{name, std::make_shared<Params>(params_from_json(name, json["params"]))}};
  }
  return {std::make_shared<const Params>(params_from_json(where, json))};
}

// A key of generation_config.json: a whole number in [0, high].
size_t whole_number(const std::string& path, const std::string& key, const nlohmann::json& value,
                    size_t high) {
  if (!value.is_number_unsigned() || value.get<uint64_t>() > high) {
    throw ModelError(path + ": '" + key + "' is " + value.dump() +
                     ", expected a whole number from 0 to " + std::to_string(high));
  }
  return value.get<size_t>();
}

}  // namespace

Params params_from_json(const std::string& where, const nlohmann::json& object) {
  std::map<std::string, Value> values;
  for (const auto& [key, value] : object.items()) {
    values[key] = value_from_json(where + "." + key, value);
  }
  return Params(where, std::move(values));
}

ModelConfig read_model_config(const std::filesystem::path& path) {
  const nlohmann::json json = read_json_file(path);
  if (!json.contains("terse_layout") || json["terse_layout"] != kLayout) {
    throw ModelError(path.string() + ": expected \"terse_layout\": " + std::to_string(kLayout) +
                     "; convert the checkpoint with scripts/convert_trax.py");
  }
  if (!json.contains("model") || !json["model"].is_string() || !json.contains("args") ||
      !json["args"].is_object()) {
    throw ModelError(path.string() + ": expected \"model\" (a string) and \"args\" (an object)");
  }
  const std::string model = json["model"].get<std::string>();
  return {model, params_from_json(model, json["args"])};
}

GenerationConfig read_generation_config(const std::filesystem::path& path) {
  GenerationConfig config;
  if (!std::filesystem::exists(path)) return config;
  constexpr size_t kMaxId = INT32_MAX;
  constexpr size_t kMaxTokens = size_t{1} << 26;
  constexpr size_t kMaxBeams = 1024;
  constexpr double kMaxLengthPenalty = 100;
  const nlohmann::json json = read_json_file(path);
  for (const auto& [key, value] : json.items()) {
    const auto number = [&, &key = key, &value = value](size_t high) {
      return whole_number(path.string(), key, value, high);
    };
    if (key == "bos_token_id") {
      config.bos_token_id = int32_t(number(kMaxId));
    } else if (key == "eos_token_id") {
      config.eos_token_id = int32_t(number(kMaxId));
    } else if (key == "max_new_tokens") {
      config.max_new_tokens = number(kMaxTokens);
    } else if (key == "max_source_tokens") {
      config.max_source_tokens = number(kMaxTokens);
    } else if (key == "n_reserved_ids") {
      config.n_reserved_ids = number(kMaxId);
    } else if (key == "num_beams") {
      config.num_beams = number(kMaxBeams);
    } else if (key == "no_repeat_ngram_size") {
      config.no_repeat_ngram_size = number(kMaxTokens);
    } else if (key == "length_penalty" && value.is_number() &&
               std::abs(value.get<double>()) <= kMaxLengthPenalty) {
      config.length_penalty = value.get<double>();
    } else if (key == "append_eos_to_source" && value.is_boolean()) {
      config.append_eos_to_source = value.get<bool>();
    } else {
      throw ModelError(path.string() + ": unexpected entry '" + key + "': " + value.dump());
    }
  }
  return config;
}

}  // namespace terse
