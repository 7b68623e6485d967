#include "core/decoding/candidates.h"

#include <algorithm>
#include <limits>

namespace terse {

void gather(std::span<const float> scores, std::vector<Candidate>& candidates) {
  candidates.clear();
  for (size_t token = 0; token < scores.size(); ++token) {
    if (scores[token] > -std::numeric_limits<float>::infinity()) {
      candidates.push_back({int32_t(token), scores[token]});
    }
  }
}

void gather(std::span<const float> scores, std::span<const float> weights,
            std::vector<Candidate>& candidates) {
  candidates.clear();
  for (size_t token = 0; token < scores.size(); ++token) {
    if (weights[token] > 0) candidates.push_back({int32_t(token), scores[token], weights[token]});
  }
}

void keep_top_k(std::vector<Candidate>& candidates, size_t k) {
  if (k == 0 || k >= candidates.size()) return;
  std::partial_sort(candidates.begin(), candidates.begin() + long(k), candidates.end(),
                    comes_before);
  candidates.resize(k);
}

void keep_top_p(std::vector<Candidate>& candidates, double p) {
  if (p >= 1 || candidates.empty()) return;
  double total = 0;
  for (const Candidate& candidate : candidates) total += candidate.weight;
  // Those below this bound hold less than 1 - p together, so the heap can do without them.
  const double bound = (1 - p) * total / double(candidates.size());
  std::erase_if(candidates,
                [bound](const Candidate& candidate) { return candidate.weight < bound; });

  const auto comes_after = [](const Candidate& a, const Candidate& b) {
    return comes_before(b, a);
  };
  std::make_heap(candidates.begin(), candidates.end(), comes_after);
  auto rest = candidates.end();  // what was taken stands behind it
  double taken = 0;
  do {
    std::pop_heap(candidates.begin(), rest, comes_after);
    --rest;
    taken += rest->weight;
  } while (taken < p * total && rest != candidates.begin());
  candidates.erase(candidates.begin(), rest);
}

void keep_min_p(std::vector<Candidate>& candidates, double p) {
  float largest = 0;
  for (const Candidate& candidate : candidates) largest = std::max(largest, candidate.weight);
  const double bound = p * largest;
  std::erase_if(candidates,
                [bound](const Candidate& candidate) { return candidate.weight < bound; });
}

}  // namespace terse
