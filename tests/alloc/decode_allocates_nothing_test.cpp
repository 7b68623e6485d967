// Counts what the decoding loop allocates between tokens: nothing. A program of its own, since it
// replaces operator new.
#include <atomic>
#include <cstdlib>
#include <new>
#include <vector>

#define CATCH_CONFIG_MAIN
#include <catch2/catch.hpp>

#include "core/decoding/generate.h"
#include "core/decoding/lock_step.h"
#include "io/model_directory.h"
#include "tests/support/golden.h"

namespace {

std::atomic<size_t> n_allocations = 0;

void* allocate(size_t size, size_t alignment) {
  ++n_allocations;
  const size_t rounded = (size + alignment - 1) / alignment * alignment;
  void* memory = std::aligned_alloc(alignment, rounded > 0 ? rounded : alignment);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}

}  // namespace

// The forms for arrays end in these.
void* operator new(size_t size) {
  return allocate(size, alignof(std::max_align_t));
}
void* operator new(size_t size, std::align_val_t alignment) {
  return allocate(size, size_t(alignment));
}
void* operator new(size_t size, const std::nothrow_t&) noexcept {
  ++n_allocations;
  return std::malloc(size);
}
void operator delete(void* memory) noexcept {
  std::free(memory);
}
void operator delete(void* memory, size_t) noexcept {
  std::free(memory);
}
void operator delete(void* memory, const std::nothrow_t&) noexcept {
  std::free(memory);
}
void operator delete(void* memory, std::align_val_t) noexcept {
  std::free(memory);
}
void operator delete(void* memory, size_t, std::align_val_t) noexcept {
  std::free(memory);
}

namespace terse::test {
namespace {

// The source of a golden case; none for a language model.
std::vector<int32_t> source_of(const std::string& model) {
  const auto file = golden(model) / "predict_source.npy";
  if (!std::filesystem::exists(file)) return {};
  return id_row_without_padding(read_npy(file), 0);
}

// The allocations of the whole program when each token was handed out.
std::vector<size_t> allocations_at_tokens(const std::string& model, size_t n_threads,
                                          const GenerateOptions& options, bool with_logprobs) {
  const ModelDirectory directory = open_model_directory(converted(model) / "split");
  const std::vector<int32_t> source = source_of(model);
  Workspace work(n_threads);
  std::vector<size_t> counts;
  counts.reserve(options.max_tokens);
  const auto note = [&](int32_t) {
    counts.push_back(n_allocations);
    return true;
  };
  if (with_logprobs) {
    generate_scored(*directory.model, source, {}, options, work,
                    [&](int32_t token, double) { return note(token); });
  } else {
    generate(*directory.model, source, {}, options, work, note);
  }
  return counts;
}

// The same after each step of four texts in lock-step.
std::vector<size_t> allocations_at_steps(const std::string& model, size_t n_threads) {
  const ModelDirectory directory = open_model_directory(converted(model) / "split");
  Workspace work(n_threads);
  LockStep lock_step(*directory.model, 4, work);
  for (size_t i = 0; i < 4; ++i) {
    lock_step.add({.source = source_of(model),
                   .options = {.max_tokens = 20, .eos = -1},
                   .scored = true,
                   .on_token = [](int32_t, double) { return true; },
                   .on_end = [](const ScoredFinish&, std::exception_ptr) {}});
  }
  std::vector<size_t> counts;
  counts.reserve(20);
  while (lock_step.size() == 4) {
    counts.push_back(n_allocations);
    lock_step.step();
  }
  return counts;
}

}  // namespace

TEST_CASE("Allocations are counted") {
  const size_t before = n_allocations;
  const std::vector<int> values(10);
  CHECK(n_allocations > before);
}

TEST_CASE("After the second token decoding allocates nothing") {
  const size_t n_threads = GENERATE(1, 2);
  const bool with_logprobs = GENERATE(false, true);
  const GenerateOptions options = GENERATE(
      GenerateOptions{.eos = -1}, GenerateOptions{.eos = -1, .sampling = {.temperature = 1}},
      GenerateOptions{
          .eos = -1,
          .penalties = {.repetition_penalty = 1.2f, .no_repeat_ngram = 3, .min_tokens = 5},
          .sampling = {.temperature = 2, .top_k = 30, .top_p = 0.9, .min_p = 0.01}},
      GenerateOptions{.eos = -1, .sampling = {.temperature = 2, .top_p = 0.9}});
  const std::vector<size_t> counts =
      allocations_at_tokens("terra_mult_conv", n_threads, options, with_logprobs);
  REQUIRE(counts.size() > 20);
  CHECK(counts.back() == counts[1]);
}

TEST_CASE("No kind of layer allocates in the decode loop") {
  const std::string model =
      GENERATE("lm_block_ff", "lm_causal_favor", "lm_conv", "lm_loss_einsum", "lm_lowrank",
               "lm_modular", "lm_mult_modular", "lm_multconv_convout", "lm_pos_axial",
               "lm_pos_dfeature", "lm_pos_fixed_base", "lm_pos_sincos", "lm_sru", "lm_switch_ff",
               "ct_sparse_tuple", "terra_double", "terra_forget");
  CAPTURE(model);
  const std::vector<size_t> counts = allocations_at_tokens(model, 2, {.eos = -1}, false);
  REQUIRE(counts.size() > 6);
  CHECK(counts.back() == counts[1]);
}

TEST_CASE("After the second step texts in lock-step allocate nothing") {
  const std::string model = GENERATE("terra_mult_conv", "lm_causal_favor", "lm_sru", "transformer",
                                     "ct_sparse_tuple", "terra_double", "terra_forget");
  const size_t n_threads = GENERATE(1, 2);
  CAPTURE(model, n_threads);
  const std::vector<size_t> counts = allocations_at_steps(model, n_threads);
  REQUIRE(counts.size() > 5);
  CHECK(counts.back() == counts[1]);
}

}  // namespace terse::test
