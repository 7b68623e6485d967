// What every model is to a decoder: start a sequence, extend it by tokens, read logits.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "core/layers/layer.h"
#include "core/params.h"
#include "core/weights.h"

namespace terse {

/// The architecture: a Trax model class and its constructor's arguments (io/FORMAT.md).
struct ModelConfig {
  std::string model;
  Params args;
};

/// What a caller has to know of a model.
struct ModelTraits {
  bool has_source = false;  // an encoder reads a source first
  size_t source_vocab = 0;
  size_t target_vocab = 0;
  size_t max_source = 0;  // positions; SIZE_MAX without a limit
  size_t max_target = 0;
};

/// What one sequence remembers in all layers. Belongs to one sequence; not shared between threads.
class SequenceState {
 public:
  virtual ~SequenceState() = default;
  /// A deep copy, for a sequence that forks (beam search).
  virtual std::unique_ptr<SequenceState> clone() const = 0;
  virtual size_t bytes() const = 0;
  /// Those that one more token reads.
  virtual size_t bytes_read() const { return bytes(); }
  /// Target positions so far.
  virtual size_t length() const = 0;
};

/// A decoder with constant weights, which it views and does not own. Immutable after construction:
/// threads may share it, each with its own states and Workspace.
class Model {
 public:
  virtual ~Model() = default;

  const ModelTraits& traits() const { return traits_; }

  /// A new sequence. `source` is read by the encoder, if there is one, and must be empty otherwise.
  /// Zeros at its end are padding, as in Trax, and are not read. Throws InputError for a source
  /// that is empty, too long, or holds ids outside the vocabulary.
  virtual std::unique_ptr<SequenceState> start(std::span<const int32_t> source,
                                               const StateOptions& options,
                                               Workspace& work) const = 0;

  /// Appends n >= 1 tokens. logits: [k, target_vocab] gets those of the last k <= n positions: the
  /// prediction of each next token. Throws InputError past max_target or for an id outside the
  /// vocabulary.
  virtual void extend(SequenceState& state, std::span<const int32_t> tokens, Workspace& work,
                      Matrix logits) const = 0;

  /// Appends one token to each of several sequences, which have all been extended before: tokens[i]
  /// to states[i]. logits: [states.size(), target_vocab]. The bits are those of extend() one by
  /// one; each weight is read once for all. Throws as extend() does, before anything has advanced.
  virtual void extend_all(std::span<SequenceState* const> states, std::span<const int32_t> tokens,
                          Workspace& work, Matrix logits) const = 0;

 protected:
  explicit Model(const ModelTraits& traits) : traits_(traits) {}

  /// The source without the padding at its end, after the checks that start() promises.
  std::span<const int32_t> checked_source(std::span<const int32_t> source) const;
  /// The checks that extend() promises.
  void check_extend(const SequenceState& state, std::span<const int32_t> tokens) const;
  void check_extend_all(std::span<SequenceState* const> states,
                        std::span<const int32_t> tokens) const;

 private:
  ModelTraits traits_;
};

/// The model that `config` describes. Throws ModelError for a class or a setting that is not known,
/// and for weights that are absent or have other shapes.
std::unique_ptr<Model> make_model(const ModelConfig& config, const WeightSource& source);

}  // namespace terse
