// Makes a model directory with smaller weights out of another one.
#pragma once

#include <filesystem>
#include <functional>

#include "core/tensor.h"
#include "core/threads.h"

namespace terse {

/// Writes the model of `from`, whose weights are f32 or bf16, to the new directory `to` with
/// weights of `type`; the other files are copied. One tensor at a time is in memory beside the
/// model. Everything is written to a temporary sibling that is renamed at the end, so `to` is whole
/// or absent. `on_tensor` is called with the number of tensors done, and their number. Throws
/// ModelError for `from`, UsageError when `to` exists or `from` is quantised, OutputError.
void quantize_model(const std::filesystem::path& from, const std::filesystem::path& to, DType type,
                    Threads& threads, const std::function<void(size_t, size_t)>& on_tensor);

}  // namespace terse
