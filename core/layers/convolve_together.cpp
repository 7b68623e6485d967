#include "core/layers/convolve_together.h"

#include <algorithm>

#include "core/layers/apart.h"

namespace terse {
namespace {

// A part that is worth waking another thread for, in multiply-adds.
constexpr size_t kWorthSplitting = size_t{1} << 17;
// Rows of a thread that outweigh its reading all weights.
constexpr size_t kRowsEach = 16;
// The same where a join is saved.
constexpr size_t kModulesEach = 8;

// Convolutions of one input, of which the threads compute parts.
class Together {
 public:
  using Part = LocallyConvDense::Part;

  Together(std::span<const LocallyConvDense* const> convolutions, const ConvInput& input,
           std::span<const Matrix> outputs)
      : convolutions_(convolutions),
        input_(input),
        outputs_(outputs),
        modules_(convolutions.front()->reach().modules) {
    for (size_t i = 0; i < convolutions.size(); ++i) {
      panels_ = std::max(panels_, convolutions[i]->panels());
      cost_ += cost_of(*convolutions[i]);
      d_out_ = std::max(d_out_, outputs[i].cols);
    }
  }

  size_t modules() const { return modules_; }
  size_t rows() const { return input_.positions() * modules_; }
  size_t panels() const { return panels_; }  // of the widest
  size_t cost() const { return cost_; }      // of a position
  size_t grain_of_rows() const { return kWorthSplitting / (cost_ / modules_) + 1; }

  void compute(const Part& part, const kernels::ReadList& later) const {
    for_each(part, later, [&](size_t i, const Part& some, const kernels::ReadList& its_later) {
      convolutions_[i]->compute(input_, some, its_later, outputs_[i]);
    });
  }

  // Rows of the threads' own, which lie at `apart` times their index: a thread adds to its sums
  // block by block, so they should not lie beside another thread's.
  struct OwnRows {
    size_t apart;
    std::span<float> sums;
  };
  OwnRows own_rows(Workspace& work) const {
    const size_t apart = spread(rows(), d_out_ / modules_ * sizeof(float), work.threads);
    return {apart, work.scratch.floats(apart * input_.positions() * d_out_)};
  }

  // By way of such rows.
  void compute(size_t begin_row, size_t end_row, const kernels::ReadList& later,
               const OwnRows& own) const {
    const Part all{begin_row, end_row, 0, panels_};
    for_each(all, later, [&](size_t i, const Part& part, const kernels::ReadList& its_later) {
      const Matrix& y = outputs_[i];
      const size_t first = begin_row * (y.cols / modules_);
      const size_t count = (end_row - begin_row) * (y.cols / modules_);
      const Matrix to(own.sums.data() + (own.apart - 1) * first, y.rows, y.cols);
      convolutions_[i]->compute(input_, part, its_later, to);
      std::copy_n(to.data + first, count, y.data + first);
    });
  }

 private:
  static size_t cost_of(const LocallyConvDense& one) { return one.panels() * one.panel_cost(); }

  // use(i, its share of the part, its share of `later`)
  template <class Use>
  void for_each(const Part& part, const kernels::ReadList& later, const Use& use) const {
    size_t begin = 0;  // of this convolution's share of all cost
    for (size_t i = 0; i < convolutions_.size(); ++i) {
      Part some = part;
      some.end_panel = std::min(part.end_panel, convolutions_[i]->panels());
      const size_t end = begin + cost_of(*convolutions_[i]);
      if (some.first_panel < some.end_panel) use(i, some, later.part(begin, end, cost_));
      begin = end;
    }
  }

  std::span<const LocallyConvDense* const> convolutions_;
  const ConvInput& input_;
  std::span<const Matrix> outputs_;
  size_t modules_;
  size_t panels_ = 0;
  size_t cost_ = 0;
  size_t d_out_ = 0;
};

}  // namespace

void convolve_together(std::span<const LocallyConvDense* const> convolutions,
                       const ConvInput& input, Workspace& work, std::span<const Matrix> outputs) {
  const Together all(convolutions, input, outputs);
  const size_t positions = input.positions();
  const kernels::ReadList& later = work.upcoming.convolutions;
  // Threads share the panels, so that each weight is read by one of them; or the rows, where these
  // are many for a weight or where the panels cannot be shared evenly.
  const bool uneven = all.panels() % work.threads.size() != 0;
  if (positions >= 4 * work.threads.size()) {
    const size_t grain = kWorthSplitting / all.cost() + 1;
    work.threads.for_ranges(positions, grain, [&](size_t begin, size_t end) {
      all.compute({begin * all.modules(), end * all.modules(), 0, all.panels()}, {});
    });
  } else if (input.in_bytes() && uneven && all.rows() >= kRowsEach * work.threads.size()) {
    const Together::OwnRows own = all.own_rows(work);
    work.threads.for_ranges(all.rows(), all.grain_of_rows(), [&](size_t begin, size_t end) {
      all.compute(begin, end, later.part(begin, end, all.rows()), own);
    });
  } else {
    const size_t grain = kWorthSplitting / (positions * all.cost() / all.panels()) + 1;
    work.threads.for_ranges(all.panels(), grain, [&](size_t begin, size_t end) {
      all.compute({0, all.rows(), begin, end}, later.part(begin, end, all.panels()));
    });
  }
}

bool shares_modules(const ConvInput& input, size_t modules, const Threads& threads) {
  return input.in_bytes() && input.positions() == 1 && modules >= kModulesEach * threads.size();
}

void convolve_modules(std::span<const LocallyConvDense* const> convolutions, const ConvInput& input,
                      Workspace& work, std::span<const Matrix> outputs, size_t grain,
                      const RangeWork& then) {
  const Together all(convolutions, input, outputs);
  const Together::OwnRows own = all.own_rows(work);
  grain = std::min(grain, all.grain_of_rows());
  work.threads.for_ranges(all.modules(), grain, [&](size_t begin, size_t end) {
    all.compute(begin, end, work.upcoming.convolutions.part(begin, end, all.modules()), own);
    then(begin, end);
  });
}

}  // namespace terse
