# The rooms and what each may use: the same table as in ARCHITECTURE.md, checked on every include by the lint test.
chronik_room(base LIBS PkgConfig::isal fmt::fmt)
chronik_room(env THREADS ROOMS base LIBS PkgConfig::uring OpenSSL::SSL OpenSSL::Crypto Threads::Threads TEST_ROOMS sim)
chronik_room(task ROOMS base env TEST_ROOMS sim)
chronik_room(sim EXCEPT sim/harness ROOMS base env)
chronik_room(shard THREADS ROOMS base env task TEST_ROOMS sim)
chronik_room(wire ROOMS base LIBS PkgConfig::lz4 PkgConfig::zstd PkgConfig::zlib ${SNAPPY_LIBRARY})
chronik_room(wal ROOMS base env task TEST_ROOMS sim)
chronik_room(log ROOMS base env task wire wal TEST_ROOMS sim)
chronik_room(meta ROOMS base env task wire shard wal LIBS nlohmann_json::nlohmann_json TEST_ROOMS sim)
chronik_room(coord ROOMS base env task wire shard log meta LIBS PkgConfig::re2 TEST_ROOMS sim)
chronik_room(client ROOMS base env task wire TEST_ROOMS sim)
chronik_room(server ROOMS base env task shard wire wal log meta coord client LIBS spdlog::spdlog TEST_ROOMS sim)
chronik_room(checkpoint ROOMS base env task wal 
  LIBS OpenSSL::Crypto $<BUILD_INTERFACE:nlohmann_json::nlohmann_json> PkgConfig::zstd PkgConfig::sqlite3 TEST_ROOMS sim)
chronik_room(embedded THREADS ROOMS base env task wal checkpoint TEST_ROOMS sim)
chronik_room(remote ROOMS base env checkpoint LIBS CURL::libcurl $<BUILD_INTERFACE:nlohmann_json::nlohmann_json>)
chronik_room(admin ROOMS base env task wire shard meta log coord checkpoint
  LIBS prometheus-cpp::core nlohmann_json::nlohmann_json OpenSSL::Crypto ${WSLAY_LIBRARY} TEST_ROOMS sim)
# The worlds: everything is below them, nothing above but their program.
chronik_room(harness DIR sim/harness ROOMS sim client server LIBS fmt::fmt)

chronik_app(chronik-sim sim ROOMS harness LIBS spdlog::spdlog fmt::fmt)
chronik_app(chronik-torture torture ROOMS harness env LIBS fmt::fmt)
chronik_app(chronik-server server ROOMS server admin embedded remote LIBS spdlog::spdlog)
chronik_app(chronik cli ROOMS client checkpoint embedded remote LIBS PkgConfig::rdkafka nlohmann_json::nlohmann_json fmt::fmt)
chronik_app(chronik-bench bench ROOMS base checkpoint embedded LIBS PkgConfig::rdkafka nlohmann_json::nlohmann_json fmt::fmt Threads::Threads)

# UBSan's vptr check asks the kernel for a pipe, and so sees ghosts in the tests that run out of descriptors.
if(CHRONIK_SANITIZE MATCHES "undefined")
  target_compile_options(chronik_env PRIVATE -fno-sanitize=vptr)
  target_compile_options(env_test PRIVATE -fno-sanitize=vptr)
endif()
