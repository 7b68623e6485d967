// Named arguments of a model or a layer, as its configuration gives them: plain values, read by
// type.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace terse {

class Params;

/// A layer class by its Trax name, with its arguments.
struct LayerSpec {
  std::string name;
  std::shared_ptr<const Params> params;
};

/// One argument: nothing, a truth value, a number, a string, a list, a layer, or named arguments
/// again.
struct Value {
  using List = std::vector<Value>;
  std::variant<std::monostate, bool, int64_t, double, std::string, List, LayerSpec,
               std::shared_ptr<const Params>>
      data;

  bool is_null() const { return std::holds_alternative<std::monostate>(data); }
};

/// Arguments by name. Every reader throws ModelError naming the argument, what was found and what
/// was expected.
class Params {
 public:
  Params() = default;
  /// `where` names the owner in messages: "ConfigurableTerraformer", "Attention".
  Params(std::string where, std::map<std::string, Value> values)
      : where_(std::move(where)), values_(std::move(values)) {}

  const std::string& where() const { return where_; }

  /// A whole number in [low, high]. The default limit keeps every product of two sizes far from
  /// overflow.
  size_t size(std::string_view name, size_t low = 1, size_t high = size_t{1} << 26) const;
  double number(std::string_view name) const;
  bool flag(std::string_view name) const;
  const std::string& text(std::string_view name) const;
  /// One of the given words.
  const std::string& word(std::string_view name,
                          std::initializer_list<std::string_view> choices) const;
  const LayerSpec& layer(std::string_view name) const;
  /// A layer, or a list of layers.
  std::vector<LayerSpec> layers(std::string_view name) const;
  /// A positive whole number, or a list of them.
  std::vector<size_t> sizes(std::string_view name) const;
  const Params& group(std::string_view name) const;

  bool is_null(std::string_view name) const { return at(name).is_null(); }

  bool is_text(std::string_view name) const {
    return std::holds_alternative<std::string>(at(name).data);
  }

  /// The same arguments but those.
  Params without(std::initializer_list<std::string_view> names) const;

  /// Refuses any argument that is not in the list, so that none is ignored in silence.
  void expect_only(std::span<const std::string_view> names) const;
  void expect_only(std::initializer_list<std::string_view> names) const {
    expect_only(std::span(names.begin(), names.size()));
  }

 private:
  const Value& at(std::string_view name) const;
  [[noreturn]] void fail(std::string_view name, const std::string& expected) const;

  std::string where_;
  std::map<std::string, Value> values_;
};

}  // namespace terse
