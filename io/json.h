// JSON with limits: depth, size and duplicate keys are checked, errors say where.
#pragma once

#include <cstddef>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace terse {

struct JsonLimits {
  size_t max_depth = 32;  // arrays and objects inside each other
  size_t max_bytes = size_t{16} << 20;
};

/// What is wrong with a JSON text. `byte` counts from 0.
class JsonError : public std::runtime_error {
 public:
  JsonError(const std::string& message, size_t byte) : std::runtime_error(message), byte(byte) {}
  size_t byte;
};

/// Parses one JSON value. Throws JsonError: not JSON, not UTF-8, too deep, too long, a key twice in
/// one object.
nlohmann::json parse_json(std::string_view text, const JsonLimits& limits = {});

/// Parses a file of a model directory, which must hold a JSON object.
/// Throws ModelError naming the path, the line and the column.
nlohmann::json read_json_file(const std::filesystem::path& path, const JsonLimits& limits = {});

}  // namespace terse
