// How fast the kernels are at the shapes of a Terraformer, beside what the machine can do. Not a
// test: prints a table. Weights are taken from a pool larger than the last-level cache ("memory")
// or are the same each time ("cache").
#include <sys/mman.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <functional>
#include <numeric>
#include <random>
#include <vector>

#include "core/kernels/attention.h"
#include "core/kernels/isa.h"
#include "core/kernels/matmul.h"
#include "core/kernels/sparse_ff.h"
#include "core/kernels/vector.h"
#include "core/threads.h"

using namespace terse;
using namespace terse::kernels;

namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

/// Processor time of this thread, in seconds: what others do on a shared machine does not count.
double thread_seconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

/// The best time of one call, in seconds, over a fifth of a second of calls in groups.
double best_seconds(const std::function<void()>& call) {
  call();
  double start = thread_seconds();
  call();
  const int group = std::max(1, static_cast<int>(1e-3 / (thread_seconds() - start + 1e-9)));
  double best = 1e9;
  for (const double begin = thread_seconds(); thread_seconds() - begin < 0.2;) {
    start = thread_seconds();
    for (int i = 0; i < group; ++i) call();
    best = std::min(best, (thread_seconds() - start) / group);
  }
  return best;
}

/// Weights to draw from: 256 MB in huge pages if the system gives them.
class Pool {
 public:
  Pool() : data_(static_cast<std::byte*>(std::aligned_alloc(size_t{2} << 20, kBytes))) {
    madvise(data_, kBytes, MADV_HUGEPAGE);
    std::mt19937 generator(1);
    std::normal_distribution<float> normal;
    std::vector<float> pattern(65536);
    for (float& value : pattern) value = normal(generator);
    for (size_t i = 0; i < kBytes; i += pattern.size() * 4) {
      std::memcpy(data_ + i, pattern.data(), pattern.size() * 4);
    }
  }
  ~Pool() { std::free(data_); }
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

  /// The next `elements` of the pool; always the first ones if they should stay in the cache.
  WeightView next(size_t elements, DType dtype, bool from_memory) {
    const size_t bytes = (elements * size_of(dtype) + 63) / 64 * 64;
    if (!from_memory || at_ + bytes > kBytes) at_ = 0;
    const WeightView view{data_ + at_, dtype};
    if (from_memory) at_ += bytes;
    return view;
  }

  std::byte* data() const { return data_; }
  static constexpr size_t kBytes = size_t{256} << 20;

 private:
  std::byte* data_;
  size_t at_ = 0;
};

Pool pool;

std::vector<float> some(size_t n) {
  std::vector<float> values(n);
  widen(WeightView(reinterpret_cast<const float*>(pool.data())), std::min<size_t>(n, 1 << 20),
        values.data());
  return values;
}

void print(const char* what, const char* type, bool from_memory, double seconds, double flops,
           double bytes) {
  std::printf("%-34s %-5s %-7s %9.1f us %8.1f GFLOP/s %7.1f GB/s\n", what, type,
              from_memory ? "memory" : "cache", seconds * 1e6, flops / seconds * 1e-9,
              bytes / seconds * 1e-9);
}

void bench_memory() {
  const double seconds = best_seconds([] {
    const auto* words = reinterpret_cast<const uint64_t*>(pool.data());
    uint64_t sums[8] = {};
    for (size_t i = 0; i < Pool::kBytes / 8; i += 8) {
      for (size_t j = 0; j < 8; ++j) sums[j] += words[i + j];
    }
    volatile uint64_t sink = std::accumulate(sums, sums + 8, uint64_t{0});
    static_cast<void>(sink);
  });
  std::printf("one thread reads memory at %.1f GB/s\n", Pool::kBytes / seconds * 1e-9);
}

void bench_matmul(size_t m, size_t k, size_t n, DType dtype, bool from_memory) {
  const auto x = some(m * k);
  std::vector<float> y(m * n);
  const double seconds = best_seconds([&] {
    matmul(x.data(), k, m, pool.next(n * k, dtype, from_memory), n, k, nullptr, y.data(), n);
  });
  char what[64];
  std::snprintf(what, sizeof what, "matmul [%zu, %zu] x [%zu, %zu]", m, k, n, k);
  const double products = static_cast<double>(m * n * k);
  print(what, name_of(dtype), from_memory, seconds, 2 * products,
        static_cast<double>(n * k * size_of(dtype)));
}

void bench_choose(DType dtype, bool from_memory) {
  const size_t blocks = 96, rank = 96, n = 64;
  const auto low = some(rank);
  const auto bias = some(blocks * n);
  std::vector<uint32_t> choice(blocks);
  const double seconds = best_seconds([&] {
    choose_units(low.data(), pool.next(blocks * rank * n, dtype, from_memory), bias.data(), blocks,
                 rank, n, choice.data());
  });
  const double weights = static_cast<double>(blocks * rank * n);
  print("choose_units 96 x 96 x 64", name_of(dtype), from_memory, seconds, 2 * weights,
        weights * static_cast<double>(size_of(dtype)));
}

void bench_rows(DType dtype, bool from_memory) {
  const size_t blocks = 96, n = 64, d = 1024;
  const auto x = some(d);
  std::vector<float> hidden(blocks), y(d);
  std::vector<uint32_t> choice(blocks);
  std::mt19937 generator(2);
  // New rows for each call, or the same few.
  const auto redraw = [&] {
    for (uint32_t& unit : choice) unit = from_memory ? generator() % n : 3;
  };
  const double drawing = best_seconds(redraw);
  const size_t units = blocks * n * 2 * d;
  const double seconds = best_seconds([&] {
    redraw();
    const WeightView view = pool.next(units, dtype, from_memory);
    chosen_hidden(x.data(), view, choice.data(), blocks, blocks, n, d, hidden.data());
    for (float& value : hidden) value += 1e-3f;
    add_chosen_outputs(hidden.data(), view, choice.data(), blocks, n, d, 0, d, y.data());
  });
  const double elements = static_cast<double>(blocks * 2 * d);
  print("chosen rows 96 x 2 x 1024", name_of(dtype), from_memory, seconds - drawing, 2 * elements,
        elements * static_cast<double>(size_of(dtype)));
}

void bench_attend(size_t length, CacheType type, bool from_memory) {
  const size_t d = 64;
  const auto q = some(d);
  std::vector<float> out(d);
  const std::vector<float> scales(length, 0.01f);
  const auto rows = [&](size_t elements) {
    const size_t words = elements * size_of(type) / 4;
    return CacheRows(pool.next(words, DType::f32, from_memory).data, type,
                     type == CacheType::int8 ? scales.data() : nullptr);
  };
  const double seconds = best_seconds([&] {
    const CacheRows keys = rows(length * d);
    const CacheRows values = rows(length * d);
    attend(q.data(), keys, values, length, d, d, 0.125f, out.data());
  });
  const char* name = type == CacheType::f32 ? "f32" : type == CacheType::bf16 ? "bf16" : "int8";
  char what[64];
  std::snprintf(what, sizeof what, "attend length %zu d %zu", length, d);
  const double elements = static_cast<double>(2 * length * d);
  print(what, name, from_memory, seconds, 2 * elements,
        elements * static_cast<double>(size_of(type)));
}

/// Median and 99th percentile of the time of an empty loop over two threads.
void bench_threads() {
  for (const int pause_us : {0, 3, 50}) {
    Threads threads(2);
    std::vector<double> times;
    for (int i = 0; i < 3000; ++i) {
      for (const auto begin = Clock::now(); seconds_since(begin) < pause_us * 1e-6;) {
      }
      const auto start = Clock::now();
      threads.for_ranges(2, 1, [](size_t, size_t) {});
      times.push_back(seconds_since(start));
    }
    std::sort(times.begin(), times.end());
    std::printf(
        "fork and join of 2 threads after %2d us: median %.2f us, 99th percentile %.1f us\n",
        pause_us, times[times.size() / 2] * 1e6, times[times.size() / 100 * 99] * 1e6);
  }
}

}  // namespace

/// Arguments: an instruction set, if it is not to be the best.
int main(int argc, char** argv) {
  if (argc > 1) force_isa(argv[1]);
  std::printf("instruction set %s\n", isa_name().c_str());
  bench_memory();
  for (const DType dtype : {DType::f32, DType::bf16}) {
    for (const bool from_memory : {true, false}) {
      for (const size_t n : {1024, 2048, 6144}) bench_matmul(1, 1024, n, dtype, from_memory);
      bench_matmul(16, 64, 1024, dtype, from_memory);
      for (const size_t k : {64, 576, 1024}) bench_matmul(16, k, 64, dtype, from_memory);
      bench_matmul(4, 1024, 4096, dtype, from_memory);
      bench_matmul(128, 1024, 4096, dtype, from_memory);
      bench_choose(dtype, from_memory);
      bench_rows(dtype, from_memory);
    }
  }
  for (const CacheType type : {CacheType::f32, CacheType::bf16, CacheType::int8}) {
    for (const bool from_memory : {true, false}) {
      for (const size_t length : {128, 2048}) bench_attend(length, type, from_memory);
    }
  }
  bench_threads();
  return 0;
}
