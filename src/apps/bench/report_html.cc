// The HTML page of report.h: no script, no outside file, so that it can be attached to a mail or a CI run.
#include <fmt/format.h>

#include <algorithm>

#include "apps/bench/report.h"

namespace chronik::bench {
namespace {

constexpr double kWidth = 640;
constexpr double kHeight = 220;
constexpr double kMargin = 50;

std::string escaped(const std::string& text) {
  std::string out;
  for (char c : text) {
    if (c == '<') {
      out += "&lt;";
    } else if (c == '&') {
      out += "&amp;";
    } else {
      out += c;
    }
  }
  return out;
}

std::string svg_frame(const std::string& title, double top, const std::string& body) {
  return fmt::format(
      "<h2>{}</h2>\n<svg width='{}' height='{}' viewBox='0 0 {} {}'>\n"
      "<text x='2' y='14'>{:.0f}</text><text x='2' y='{}'>0</text>\n{}</svg>\n",
      title, kWidth, kHeight + 30, kWidth, kHeight + 30, top, kHeight, body);
}

std::string bars(const std::string& title, const Json& latency) {
  const std::pair<const char*, const char*> columns[] = {
      {"p50", "p50"}, {"p90", "p90"}, {"p99", "p99"}, {"p999", "p99.9"}, {"max", "max"}};
  const double top = std::max(1.0, latency["max"].get<double>());
  std::string body;
  double x = kMargin;
  for (const auto& [key, label] : columns) {
    const double value = latency[key].get<double>();
    const double height = value / top * (kHeight - 20);
    body +=
        fmt::format("<rect x='{}' y='{:.1f}' width='70' height='{:.1f}' fill='#4878a8'/>", x, kHeight - height, height);
    body += fmt::format("<text x='{}' y='{}'>{} {:.0f}</text>\n", x, kHeight + 18, label, value);
    x += 115;
  }
  return svg_frame(title + ", microseconds", top, body);
}

std::string line(const std::string& title, const Json& series, const char* key) {
  double top = 1;
  double last = 1;
  for (const auto& second : series) {
    top = std::max(top, second[key].get<double>());
    last = std::max(last, second["at_s"].get<double>());
  }
  std::string points;
  for (const auto& second : series) {
    points += fmt::format("{:.1f},{:.1f} ", kMargin + second["at_s"].get<double>() / last * (kWidth - kMargin - 10),
                          kHeight - second[key].get<double>() / top * (kHeight - 20));
  }
  return svg_frame(title, top,
                   fmt::format("<polyline fill='none' stroke='#4878a8' stroke-width='2' points='{}'/>\n"
                               "<text x='{}' y='{}'>{:.0f} s</text>\n",
                               points, kWidth - 60, kHeight + 18, last));
}

}  // namespace

std::string html_page(const Json& result) {
  std::string body;
  std::string table;
  for (const auto& [key, value] : result.items()) {
    if (key == "series") {
      body += line("Records per second", value, "rate") + line("p99 per second, microseconds", value, "p99_us");
    } else if (value.is_object() && value.contains("p999")) {
      body += bars(key, value);
    } else {
      table += fmt::format("<tr><td>{}</td><td>{}</td></tr>\n", escaped(key), escaped(value.dump()));
    }
  }
  return fmt::format(
      "<!doctype html>\n<meta charset='utf-8'><title>chronik-bench</title>\n"
      "<style>body{{font:14px sans-serif;max-width:720px;margin:2em auto}}td{{padding:2px 10px}}svg{{font-size:12px}}"
      "</style>\n<h1>chronik-bench {}</h1>\n{}<table>\n{}</table>\n",
      escaped(result.value("command", "")), body, table);
}

}  // namespace chronik::bench
