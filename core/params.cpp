#include "core/params.h"

#include <algorithm>

#include "core/error.h"

namespace terse {
namespace {

std::string describe(const Value& value) {
  struct Describe {
    std::string operator()(std::monostate) const { return "null"; }
    std::string operator()(bool flag) const { return flag ? "true" : "false"; }
    std::string operator()(int64_t number) const { return std::to_string(number); }
    std::string operator()(double number) const { return std::to_string(number); }
    std::string operator()(const std::string& text) const { return "\"" + text + "\""; }
    std::string operator()(const Value::List&) const { return "a list"; }
    std::string operator()(const LayerSpec& spec) const { return "the layer " + spec.name; }
    std::string operator()(const std::shared_ptr<const Params>&) const { return "an object"; }
  };
  return std::visit(Describe{}, value.data);
}

}  // namespace

const Value& Params::at(std::string_view name) const {
  const auto found = values_.find(std::string(name));
  if (found == values_.end()) {
    throw ModelError(where_ + ": argument '" + std::string(name) + "' is missing");
  }
  return found->second;
}

void Params::fail(std::string_view name, const std::string& expected) const {
  throw ModelError(where_ + ": argument '" + std::string(name) + "' is " + describe(at(name)) +
                   ", expected " + expected);
}

size_t Params::size(std::string_view name, size_t low, size_t high) const {
  const auto* number = std::get_if<int64_t>(&at(name).data);
  if (number == nullptr || *number < 0 || size_t(*number) < low || size_t(*number) > high) {
    fail(name, "a whole number from " + std::to_string(low) + " to " + std::to_string(high));
  }
  return size_t(*number);
}

double Params::number(std::string_view name) const {
  const Value& value = at(name);
  if (const auto* real = std::get_if<double>(&value.data)) return *real;
  if (const auto* whole = std::get_if<int64_t>(&value.data)) return double(*whole);
  fail(name, "a number");
}

bool Params::flag(std::string_view name) const {
  const auto* value = std::get_if<bool>(&at(name).data);
  if (value == nullptr) fail(name, "true or false");
  return *value;
}

const std::string& Params::text(std::string_view name) const {
  const auto* value = std::get_if<std::string>(&at(name).data);
  if (value == nullptr) fail(name, "a string");
  return *value;
}

const std::string& Params::word(std::string_view name,
                                std::initializer_list<std::string_view> choices) const {
  const std::string& value = text(name);
  if (std::find(choices.begin(), choices.end(), value) == choices.end()) {
    std::string list;
    for (std::string_view choice : choices) {
      list += (list.empty() ? "\"" : ", \"") + std::string(choice) + "\"";
    }
    fail(name, "one of " + list);
  }
  return value;
}

const LayerSpec& Params::layer(std::string_view name) const {
  const auto* value = std::get_if<LayerSpec>(&at(name).data);
  if (value == nullptr) fail(name, "a layer");
  return *value;
}

std::vector<LayerSpec> Params::layers(std::string_view name) const {
  const auto* list = std::get_if<Value::List>(&at(name).data);
  if (list == nullptr) return {layer(name)};
  std::vector<LayerSpec> specs;
  for (const Value& value : *list) {
    const auto* spec = std::get_if<LayerSpec>(&value.data);
    if (spec == nullptr) fail(name, "a layer or a list of layers");
    specs.push_back(*spec);
  }
  if (specs.empty()) fail(name, "at least one layer");
  return specs;
}

std::vector<size_t> Params::sizes(std::string_view name) const {
  const auto* list = std::get_if<Value::List>(&at(name).data);
  if (list == nullptr) return {size(name)};
  std::vector<size_t> sizes;
  for (const Value& value : *list) {
    const auto* number = std::get_if<int64_t>(&value.data);
    if (number == nullptr || *number < 1 || *number > (int64_t{1} << 26)) {
      fail(name, "a list of positive whole numbers");
    }
    sizes.push_back(size_t(*number));
  }
  return sizes;
}

const Params& Params::group(std::string_view name) const {
  const auto* value = std::get_if<std::shared_ptr<const Params>>(&at(name).data);
  if (value == nullptr) fail(name, "an object");
  return **value;
}

Params Params::without(std::initializer_list<std::string_view> names) const {
  std::map<std::string, Value> rest = values_;
  for (std::string_view name : names) rest.erase(std::string(name));
  return Params(where_, std::move(rest));
}

void Params::expect_only(std::span<const std::string_view> names) const {
  for (const auto& [name, value] : values_) {
    if (std::find(names.begin(), names.end(), name) == names.end()) {
      throw ModelError(where_ + ": unknown argument '" + name + "'");
    }
  }
}

}  // namespace terse
