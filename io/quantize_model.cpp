#include "io/quantize_model.h"

#include <algorithm>
#include <vector>

#include "core/error.h"
#include "core/kernels/pack.h"
#include "core/kernels/vector.h"
#include "io/model_directory.h"
#include "io/new_directory.h"
#include "io/safetensors_writer.h"

namespace terse {
namespace {

/// A tensor of the model, where it comes from and what becomes of it.
struct Step {
  Tensor from;
  TensorPlan to;
};

std::vector<Step> plan(const ModelDirectory& model, DType type) {
  std::vector<Step> steps;
  model.weights->for_each(
      [&](const std::string& name, const Tensor& tensor, const SafetensorsFile::Use* use) {
        if (use == nullptr) return;  // the model has no use for it
        if (is_quantized(tensor.dtype)) {
          throw UsageError(model.path.string() + " has " + name_of(tensor.dtype) +
                           " weights already; start from the model with f32 or bf16 weights");
        }
        steps.push_back({tensor, {name, type_for(use->kind, type), use->kind, tensor.shape}});
      });
  std::stable_partition(steps.begin(), steps.end(),
                        [](const Step& step) { return step.to.stands_first(); });
  return steps;
}

/// The tensor in its new type.
std::vector<std::byte> converted(const Step& step, Threads& threads) {
  std::vector<std::byte> bytes(step.to.bytes());
  if (step.to.dtype == step.from.dtype) {
    std::copy_n(step.from.data, bytes.size(), bytes.data());
    return bytes;
  }
  std::vector<float> values(step.from.size());
  kernels::widen(step.from, values.size(), values.data());
  if (step.to.dtype == DType::f32) {
    std::copy_n(reinterpret_cast<const std::byte*>(values.data()), bytes.size(), bytes.data());
  } else if (step.to.dtype == DType::bf16) {
    kernels::to_bf16(values.data(), values.size(), reinterpret_cast<uint16_t*>(bytes.data()));
  } else {
    const size_t units = kernels::pack_units(step.to.kind, step.to.shape);
    threads.for_ranges(units, 1, [&](size_t begin, size_t end) {
      kernels::pack_part(values.data(), step.to.kind, step.to.shape, step.to.dtype, begin, end,
                         bytes.data());
    });
  }
  return bytes;
}

void copy_other_files(const std::filesystem::path& from, const std::filesystem::path& to) {
  for (const char* name :
       {"config.json", "generation_config.json", "spiece.model", "vocab.subword", "README.md"}) {
    std::error_code error;
    std::filesystem::copy_file(from / name, to / name, error);
    if (error && error != std::errc::no_such_file_or_directory) {
      throw OutputError((to / name).string() + ": cannot be copied: " + error.message());
    }
  }
}

}  // namespace

void quantize_model(const std::filesystem::path& from, const std::filesystem::path& to, DType type,
                    Threads& threads, const std::function<void(size_t, size_t)>& on_tensor) {
  NewDirectory directory(to);
  const ModelDirectory model = open_model_directory(from);
  const std::vector<Step> steps = plan(model, type);
  std::vector<TensorPlan> tensors;
  for (const Step& step : steps) tensors.push_back(step.to);
  auto metadata = model.weights->metadata();
  metadata["quantized_from"] = metadata["data_sha256"];
  SafetensorsWriter writer(directory.path() / "model.safetensors", tensors, metadata);
  for (size_t i = 0; i < steps.size(); ++i) {
    writer.write(converted(steps[i], threads));
    on_tensor(i + 1, steps.size());
  }
  writer.finish();
  copy_other_files(from, directory.path());
  directory.commit();
}

}  // namespace terse
