#include "apps/server/options.h"

#include <toml++/toml.h>
#include <CLI/CLI.hpp>

#include <chronik/checkpoint.h>
#include <cstdio>
#include <sstream>

#include "env/real/any_thread.h"
#include "server/handlers.h"

namespace chronik {

namespace {

/// TOML values as text; nested tables join their keys with dots, so `log.retention.ms = 1` works quoted or not.
Status apply_table(meta::BrokerConfig& config, const toml::table& table, const std::string& prefix) {
  for (const auto& [key, value] : table) {
    const std::string name = prefix + std::string(key.str());
    if (const toml::table* inner = value.as_table()) {
      TRY_STATUS(apply_table(config, *inner, name + "."));
      continue;
    }
    std::string text;
    if (const auto string = value.value_exact<std::string>()) {
      text = *string;
    } else {
      std::ostringstream out;
      out << toml::node_view<const toml::node>(value);
      text = out.str();
    }
    TRY_STATUS(meta::set(config, name, text));
  }
  return {};
}

Status apply_file(meta::BrokerConfig& config, const std::string& path) {
  try {
    return apply_table(config, toml::parse_file(path), "");
  } catch (const toml::parse_error& error) {
    std::ostringstream place;
    place << error.source().begin.line;
    return fail(Errc::invalid_argument, path + ":" + place.str() + ": " + std::string(error.description()));
  }
}

Status apply_settings(meta::BrokerConfig& config, const std::vector<std::string>& settings) {
  for (const std::string& setting : settings) {
    const auto equals = setting.find('=');
    if (equals == std::string::npos) return fail(Errc::invalid_argument, "--set '" + setting + "' is not key=value");
    TRY_STATUS(meta::set(config, setting.substr(0, equals), setting.substr(equals + 1)));
  }
  return meta::check(config);
}

bool is_wildcard(const std::string& host) {
  return host == "0.0.0.0" || host == "::" || host == "*" || host.empty();
}

struct Raw {
  std::string data_directory = "./data";
  std::string listen = "127.0.0.1:9092";
  std::string admin = "127.0.0.1:6092";
  std::string advertise;
  std::string config_file;
  std::vector<std::string> settings;
  int shards = 0;
};

/// What `checkpoints.key.file` names; empty without one.
Result<std::string> checkpoint_key(const std::string& path) {
  if (path.empty()) return std::string();
  constexpr std::size_t kEnough = 256;
  const auto refused = [&](const std::string& why) {
    return fail(Errc::invalid_argument, "checkpoints.key.file=" + path + ": " + why);
  };
  const auto text = env::read_now(path, kEnough);
  if (!text) return refused(text.error().message());
  auto key = checkpoint::parse_key(*text);
  if (!key) return refused(key.error().detail);
  return *std::move(key);
}

Status assemble(const Raw& raw, ServerOptions& options) {
  options.broker.data_directory = raw.data_directory;
  TRY(options.broker.listen, env::Address::parse(raw.listen));
  TRY(options.admin, env::Address::parse(raw.admin));
  if (!raw.advertise.empty()) {
    TRY(options.broker.advertise, env::Address::parse(raw.advertise));
    if (is_wildcard(options.broker.advertise->host)) {
      return fail(Errc::invalid_argument,
                  "--advertise " + raw.advertise + ": clients cannot connect to a wildcard address");
    }
  }
  if (is_wildcard(options.broker.listen.host) && !options.broker.advertise) {
    return fail(Errc::invalid_argument,
                "--listen " + raw.listen +
                    " listens everywhere, so clients must be told where to connect: add --advertise HOST:PORT");
  }
  if (!raw.config_file.empty()) TRY_STATUS(apply_file(options.broker.config, raw.config_file));
  TRY_STATUS(apply_settings(options.broker.config, raw.settings));
  TRY(options.checkpoint_key, checkpoint_key(options.broker.config.checkpoints_key_file));
  const int shards = raw.shards != 0 ? raw.shards : options.broker.config.shards;
  options.shards = shards == 0 ? 1 : static_cast<std::size_t>(shards);
  return {};
}

}  // namespace

namespace {

/// What ApiVersions answers, from the table it answers from: key, name, lowest served, lowest advertised, highest.
void print_apis() {
  for (const wire::ApiVersionsResponse::ApiVersion& row : server::all_handlers().advertised()) {
    const wire::ApiInfo& api = *wire::find_api(row.api_key);
    std::printf("%d %.*s %d %d %d\n", static_cast<int>(api.key), static_cast<int>(api.name.size()), api.name.data(),
                api.min, row.min_version, row.max_version);
  }
  throw CLI::Success();
}

}  // namespace

Result<ServerOptions> parse_options(int argc, char** argv, int& exit_code) {
  Raw raw;
  CLI::App app{"chronik-server: a Kafka-compatible log that acknowledges only what is on disk"};
  app.add_option("--data-dir", raw.data_directory, "where everything is kept; created if missing")
      ->capture_default_str();
  app.add_option("--listen", raw.listen, "HOST:PORT of the Kafka protocol; port 0 picks a free one")
      ->capture_default_str();
  app.add_option("--admin", raw.admin, "HOST:PORT of HTTP: /health, /metrics, /debug/waits")->capture_default_str();
  app.add_option("--advertise", raw.advertise, "HOST:PORT that clients are told to connect to (default: --listen)");
  app.add_option("--shards", raw.shards, "loops, one thread each (default 1; may change between runs)")
      ->check(CLI::Range(1, 64));
  app.add_option("--config", raw.config_file, "TOML file of settings, by Kafka's property names");
  app.add_option("--set", raw.settings, "key=value, stronger than the file; may be repeated")->allow_extra_args(false);
  app.set_version_flag("--version", "chronik-server 0.1.0");
  // Hidden: for docs/compatibility.md (tests/differential/compatibility.py) and its tests.
  app.add_flag_callback("--print-apis", print_apis)->group("");
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& done) {
    exit_code = app.exit(done);
    return fail(Errc::closed);
  } catch (const CLI::ParseError& error) {
    exit_code = 2;
    return fail(Errc::invalid_argument, error.what());
  }
  exit_code = 2;
  ServerOptions options;
  TRY_STATUS(assemble(raw, options));
  return options;
}

}  // namespace chronik
