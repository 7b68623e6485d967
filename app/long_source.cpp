#include "app/long_source.h"

#include <algorithm>

#include "core/error.h"

namespace terse {
namespace {

std::vector<int32_t> piece_of(std::span<const int32_t> body, std::span<const int32_t> end) {
  std::vector<int32_t> piece(body.begin(), body.end());
  piece.insert(piece.end(), end.begin(), end.end());
  return piece;
}

}  // namespace

LongSource long_source_of(const std::string& name) {
  if (name == "truncate") return LongSource::truncate;
  return name == "split" ? LongSource::split : LongSource::error;
}

SourcePieces cut_source(std::span<const int32_t> source, size_t limit, LongSource policy,
                        std::optional<int32_t> end_symbol) {
  if (source.size() <= limit) return {{piece_of(source, {})}, 0};
  const bool ends = end_symbol && source.back() == *end_symbol;
  const size_t room = limit - std::min<size_t>(limit, ends);
  if (policy == LongSource::error || room == 0) {
    throw InputError("the source has " + std::to_string(source.size()) +
                     " tokens, the model's limit is " + std::to_string(limit) +
                     "; see --long truncate and --long split");
  }
  const auto end = ends ? source.last(1) : std::span<const int32_t>();
  const auto body = source.first(source.size() - end.size());
  if (policy == LongSource::truncate) {
    return {{piece_of(body.first(room), end)}, body.size() - room};
  }
  SourcePieces cut;
  const size_t n_pieces = (body.size() + room - 1) / room;
  for (size_t i = 0; i < n_pieces; ++i) {
    const size_t begin = body.size() * i / n_pieces;
    cut.pieces.push_back(
        piece_of(body.subspan(begin, body.size() * (i + 1) / n_pieces - begin), end));
  }
  return cut;
}

}  // namespace terse
