// Results: one JSON object per run is the source; the text on standard output and the HTML page are drawn from it.
#pragma once

#include <nlohmann/json.hpp>
#include <vector>

#include "apps/bench/histogram.h"
#include "apps/bench/options.h"
#include "apps/bench/progress.h"
#include "base/result.h"

namespace chronik::bench {

using Json = nlohmann::ordered_json;

/// count, mean, p50, p90, p99, p999, max in microseconds.
Json latency_json(const Snapshot& latency);
Json series_json(const std::vector<Second>& series);
Json workload_json(const Workload& load);

/// Prints the result as asked, and writes the HTML page if one is wanted.
Status emit(const Json& result, const Output& output);

/// The page: percentiles and per-second rate as inline SVG, and the whole result as a table.
std::string html_page(const Json& result);

}  // namespace chronik::bench
