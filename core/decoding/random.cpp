#include "core/decoding/random.h"

namespace terse {
namespace {

constexpr int kRounds = 10;
constexpr uint64_t kMultiplier0 = 0xD2511F53;
constexpr uint64_t kMultiplier1 = 0xCD9E8D57;
constexpr uint32_t kKeyStep0 = 0x9E3779B9;
constexpr uint32_t kKeyStep1 = 0xBB67AE85;

uint32_t low(uint64_t value) {
  return uint32_t(value);
}

uint32_t high(uint64_t value) {
  return uint32_t(value >> 32);
}

}  // namespace

std::array<uint32_t, 4> philox(std::array<uint32_t, 4> counter, std::array<uint32_t, 2> key) {
  for (int round = 0; round < kRounds; ++round) {
    const uint64_t product0 = kMultiplier0 * counter[0];
    const uint64_t product1 = kMultiplier1 * counter[2];
    counter = {high(product1) ^ counter[1] ^ key[0], low(product1),
               high(product0) ^ counter[3] ^ key[1], low(product0)};
    key[0] += kKeyStep0;
    key[1] += kKeyStep1;
  }
  return counter;
}

double uniform(uint64_t seed, uint64_t record, uint64_t step) {
  const auto bits =
      philox({low(step), high(step), low(record), high(record)}, {low(seed), high(seed)});
  const uint64_t word = uint64_t{bits[1]} << 32 | bits[0];
  return double(word >> 11) * 0x1p-53;
}

uint64_t record_key(std::string_view id) {
  uint64_t hash = 0xcbf29ce484222325;
  for (const char c : id) {
    hash ^= uint8_t(c);
    hash *= 0x100000001b3;
  }
  return hash;
}

}  // namespace terse
