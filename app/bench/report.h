// What `terse bench` prints: the speed beside the limit that memory sets.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "app/bench/bandwidth.h"
#include "app/bench/decoding_time.h"
#include "app/bench/model.h"

namespace terse {

nlohmann::ordered_json bench_json(const BenchModel& model, const BenchOptions& options,
                                  const DecodingTime& time, const Bandwidth& bandwidth);

/// The same as a list of names and values.
std::string bench_text(const nlohmann::ordered_json& json);

}  // namespace terse
