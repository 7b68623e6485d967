#include "app/bench/report.h"

#include <fmt/core.h>

#include <algorithm>

namespace terse {
namespace {

using Json = nlohmann::ordered_json;

Json spread(const std::vector<double>& values) {
  const auto [least, most] = std::minmax_element(values.begin(), values.end());
  return {{"median", median_of(values)}, {"min", *least}, {"max", *most}};
}

// Milliseconds for so many bytes at a speed in bytes a second.
double ms_for(uint64_t bytes, double speed) {
  return bytes == 0 ? 0 : 1e3 * double(bytes) / speed;
}

std::string text_of(const Json& value) {
  if (value.is_string()) return value.get<std::string>();
  if (value.is_number_float()) return fmt::format("{:.4g}", value.get<double>());
  if (!value.is_object()) return value.dump();
  std::string text;
  for (const auto& [key, part] : value.items()) {
    text += (text.empty() ? "" : ", ") + key + " " + text_of(part);
  }
  return text;
}

}  // namespace

Json bench_json(const BenchModel& model, const BenchOptions& options, const DecodingTime& time,
                const Bandwidth& bandwidth) {
  const WeightTraffic& traffic = model.traffic;
  const double median = median_of(time.token_ms);
  const double prefill = median_of(time.prefill_s);
  // The attention cache is read in order, too: head by head.
  const uint64_t in_order = traffic.bytes_in_order + time.state_bytes_read;
  const uint64_t bytes = in_order + traffic.bytes_scattered;
  const double in_order_ms = ms_for(in_order, bandwidth.in_order());
  const double scattered_ms = ms_for(traffic.bytes_scattered, bandwidth.scattered());
  const double limit = in_order_ms + scattered_ms;
  return {{"preset", model.name},
          {"type", model.type},
          {"cache", options.cache},
          {"threads", thread_count(options.model)},
          {"context", options.context},
          {"tokens", options.tokens},
          {"repeat", options.repeat},
          {"params_held", traffic.params_held},
          {"params_touched", traffic.params_touched()},
          {"params_scattered", traffic.params_scattered},
          {"weight_bytes", traffic.bytes_held},
          {"bytes_per_token", bytes},
          {"bytes_in_order", in_order},
          {"bytes_of_cache", time.state_bytes_read},
          {"bytes_scattered", traffic.bytes_scattered},
          {"row_bytes", traffic.row_bytes},
          {"ms_per_token", spread(time.token_ms)},
          {"ms_per_token_of_runs", spread(time.run_ms)},
          {"tokens_per_s", 1e3 / median},
          {"gb_per_s", 1e-6 * double(bytes) / median},
          {"bandwidth_gb_per_s", 1e-9 * bandwidth.in_order()},
          {"bandwidth_measured_over_bytes", bandwidth.in_order_size()},
          {"scattered_gb_per_s", 1e-9 * bandwidth.scattered()},
          {"scattered_measured_over_bytes", bandwidth.scattered_size()},
          {"limit_in_order_ms", in_order_ms},
          {"limit_scattered_ms", scattered_ms},
          {"limit_ms", limit},
          {"share_of_limit", limit / median},
          {"prefill_s", prefill},
          {"prefill_tokens_per_s", double(options.context) / prefill},
          {"prefill_runs", time.prefill_s.size()},
          {"load_s", model.load_s},
          {"state_bytes", time.state_bytes},
          {"peak_memory_bytes", time.peak_memory_bytes}};
}

std::string bench_text(const Json& json) {
  std::string text;
  for (const auto& [key, value] : json.items()) {
    text += fmt::format("{:<30} {}\n", key, text_of(value));
  }
  return text;
}

}  // namespace terse
