// config.json: it is refused, or the model that it describes can be built and decodes without harm.
#include <memory>
#include <new>
#include <vector>

#include "core/error.h"
#include "io/config.h"
#include "tests/fuzz/fuzz_target.h"

using namespace terse;

namespace {

/// Zeros for every tensor of a small model; a large one is refused, as a real file would refuse it.
class Zeros : public WeightSource {
 public:
  Tensor get(std::string_view name, const Shape& shape, TensorKind kind) const override {
    size_t elements = 1;
    for (const size_t n : shape) {
      if (n == 0 || n > kMostElements || (elements *= n) > kMostElements) {
        throw ModelError("the tensor " + std::string(name) + " is too large");
      }
    }
    if (++n_given_ > kMostTensors) throw ModelError("there are too many tensors");
    return {kind == TensorKind::keys ? DType::u32 : DType::f32, shape,
            reinterpret_cast<const std::byte*>(zeros_.data())};
  }
  bool contains(std::string_view) const override { return false; }

 private:
  static constexpr size_t kMostElements = 1 << 16;
  static constexpr size_t kMostTensors = 2000;

  mutable size_t n_given_ = 0;
  // Aligned as the tensors of a file are.
  struct alignas(64) Line {
    float values[16];
  };
  std::vector<Line> zeros_ = std::vector<Line>(kMostElements / 16);
};

void decode(const Model& model) {
  const ModelTraits& traits = model.traits();
  Workspace work(1);
  StateOptions room;
  room.capacity = 8;
  const std::vector<int32_t> source{1, 1, 1};
  const auto state =
      model.start(traits.has_source ? std::span<const int32_t>(source) : std::span<const int32_t>(),
                  room, work);
  std::vector<float> logits(traits.target_vocab);
  for (const int32_t token : {0, 1, 1}) {
    model.extend(*state, std::vector<int32_t>{token}, work,
                 Matrix(logits.data(), 1, logits.size()));
  }
  fuzz::require(state->length() == 3, "a state counts its tokens");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const fuzz::MemoryFile file(fuzz::text_of(data, size));
  try {
    const ModelConfig config = read_model_config(file.path());
    const Zeros zeros;
    const std::unique_ptr<Model> model = make_model(config, zeros);
    decode(*model);
    ++fuzz::accepted;
  } catch (const ModelError&) {
  } catch (const InputError&) {
  } catch (const std::bad_alloc&) {  // a memory of positions, say, that nobody has
  }
  return 0;
}
