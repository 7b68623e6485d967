#include "app/stats.h"

#include <fmt/core.h>
#include <sys/resource.h>

namespace terse {
namespace {

double rate(double amount, double seconds) {
  return seconds > 0 ? amount / seconds : 0;
}

}  // namespace

uint64_t peak_memory_bytes() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return uint64_t(usage.ru_maxrss) * 1024;
}

DecodingStats& DecodingStats::operator+=(const DecodingStats& other) {
  texts += other.texts;
  tokens_in += other.tokens_in;
  tokens_out += other.tokens_out;
  dropped_tokens += other.dropped_tokens;
  first_token_s += other.first_token_s;
  decode_s += other.decode_s;
  return *this;
}

nlohmann::ordered_json stats_json(const RunStats& stats) {
  const DecodingStats& all = stats.decoding;
  const double texts = double(std::max<uint64_t>(all.texts, 1));
  // The first token of each text comes out of reading its source.
  const auto decoded = double(all.tokens_out - std::min(all.tokens_out, all.texts));
  return {{"texts", all.texts},
          {"tokens_in", all.tokens_in},
          {"tokens_out", all.tokens_out},
          {"dropped_tokens", all.dropped_tokens},
          {"load_s", stats.load_s},
          {"wall_s", stats.wall_s},
          {"time_to_first_token_s", all.first_token_s / texts},
          {"prefill_tokens_per_s", rate(double(all.tokens_in), all.first_token_s)},
          {"decode_tokens_per_s", rate(decoded, all.decode_s)},
          {"tokens_per_s", rate(double(all.tokens_out), stats.wall_s)},
          {"weight_bytes", stats.weight_bytes},
          {"bytes_per_token", stats.bytes_per_token},
          {"decode_gb_per_s", 1e-9 * double(stats.bytes_per_token) * rate(decoded, all.decode_s)},
          {"peak_memory_bytes", peak_memory_bytes()}};
}

std::string stats_text(const RunStats& stats) {
  const nlohmann::ordered_json fields = stats_json(stats);
  std::string text;
  for (const auto& [name, value] : fields.items()) {
    text += value.is_number_float() ? fmt::format("{:<22} {:.4g}\n", name, value.get<double>())
                                    : fmt::format("{:<22} {}\n", name, value.dump());
  }
  return text;
}

}  // namespace terse
