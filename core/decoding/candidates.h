// The tokens that compete to be next, and the ways to narrow them down. The best one always stays,
// and the result never depends on how a library sorts equal values.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace terse {

struct Candidate {
  int32_t token;
  float score;       // what candidates are ordered by
  float weight = 0;  // probability up to a common factor; a high temperature makes weights equal
};

/// The larger score comes first, the lower token on ties.
inline bool comes_before(const Candidate& a, const Candidate& b) {
  return a.score != b.score ? a.score > b.score : a.token < b.token;
}

/// All tokens whose score [vocab] is above -infinity, without weights; in the order of their ids.
/// Allocates only if `candidates` has no room for them.
void gather(std::span<const float> scores, std::vector<Candidate>& candidates);

/// The same of all tokens whose weight [vocab] is above 0, with weights.
void gather(std::span<const float> scores, std::span<const float> weights,
            std::vector<Candidate>& candidates);

/// The k that come first, in order; all, as they stand, if k is 0 or there are not more.
void keep_top_k(std::vector<Candidate>& candidates, size_t k);

/// The fewest that come first and hold at least the share `p` of all weight (nucleus sampling,
/// Holtzman et al. 2020), the last of them in front; all, as they stand, if p is 1.
void keep_top_p(std::vector<Candidate>& candidates, double p);

/// Those with at least the share `p` of the largest weight.
void keep_min_p(std::vector<Candidate>& candidates, double p);

}  // namespace terse
