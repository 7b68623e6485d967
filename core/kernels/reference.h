// Every kernel once more as a plain loop, summed in double: what the tests compare with and what a
// reader may read first.
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/kernels/activation.h"
#include "core/kernels/attend_rows.h"
#include "core/kernels/convolution.h"
#include "core/kernels/weight_view.h"

/// The functions are those of the headers of the same subject, with the same arguments.
namespace terse::kernels::reference {

/// Element i of the view as a float.
float value_at(WeightView w, size_t i);
/// Element c of row j, where rows are `stride` elements apart.
float value_at(CacheRows rows, size_t j, size_t c, size_t stride);

void matmul(const float* x, size_t x_stride, size_t m, WeightView w, size_t n, size_t k,
            const float* bias, float* y, size_t y_stride);

void gated_matmul(const float* x, WeightView gates, size_t modules, WeightView w, size_t n,
                  size_t k, const float* bias, float* y, size_t y_stride);

void convolve(const Patches& x, WeightView w, size_t n, const float* bias, float* y,
              size_t y_stride);

void add(const float* x, size_t n, float* y);
void multiply(const float* x, WeightView w, size_t n, float* out);
void widen(WeightView w, size_t n, float* out);
size_t argmax(const float* x, size_t n);
float log_sum_exp(const float* x, size_t n);
void softmax_weights(const float* x, size_t n, float temperature, float* out);

void store_rows(const float* x, size_t n, size_t d, const StoredRows& to);

void layer_norm(const float* x, size_t n, const float* scale, const float* bias, bool center,
                float* y);

void activate(Activation kind, float* x, size_t n);

void attend(const float* q, CacheRows keys, CacheRows values, size_t length, size_t d_qk,
            size_t d_v, float scale, float* out);

float attend_rows(const float* q, const HeadRows& keys, const HeadRows& values,
                  const uint32_t* rows, size_t n_rows, size_t d_qk, size_t d_v, float scale,
                  const RowMask& mask, float* out);

void choose_units(const float* low, WeightView up, const float* bias, size_t blocks, size_t rank,
                  size_t n, uint32_t* choice);
void chosen_hidden(const float* x, WeightView units, const uint32_t* choice, size_t blocks,
                   size_t n, size_t d, float* hidden);
void add_chosen_outputs(const float* hidden, WeightView units, const uint32_t* choice,
                        size_t blocks, size_t n, size_t d, size_t begin, size_t end, float* y);

void sru_step(const float* gates, const float* x, size_t n, float* cell, float* out);

}  // namespace terse::kernels::reference
