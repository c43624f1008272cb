# What `cmake --install` puts elsewhere. Component checkpoint: the store as a library, found by find_package(chronik), target
# chronik::checkpoint (and chronik::checkpoint_remote, where libcurl is), or by pkg-config chronik-checkpoint. Component programs: the command line and the server.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

# The rooms below the face, which is embedded: each before those it uses, as a linker wants them.
set(checkpoint_rooms embedded checkpoint wal task env base)
set(libraries "")
foreach(room IN LISTS checkpoint_rooms)
  set_target_properties(chronik_${room} PROPERTIES EXPORT_NAME room_${room})
  string(APPEND libraries " -lchronik_${room}")
  list(APPEND targets chronik_${room})
endforeach()
set_target_properties(chronik_embedded PROPERTIES EXPORT_NAME checkpoint)
target_compile_features(chronik_embedded INTERFACE cxx_std_23)

install(TARGETS ${targets} EXPORT chronik COMPONENT checkpoint
  ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT checkpoint
  INCLUDES DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(DIRECTORY include/chronik DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT checkpoint)
install(EXPORT chronik NAMESPACE chronik:: FILE chronik-targets.cmake
  DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/chronik COMPONENT checkpoint)

# Apart, so that those who embed a store need no libcurl.
set_target_properties(chronik_remote PROPERTIES EXPORT_NAME checkpoint_remote)
target_link_libraries(chronik_remote INTERFACE chronik_embedded)
install(TARGETS chronik_remote EXPORT chronik-remote COMPONENT checkpoint
  ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT checkpoint
  INCLUDES DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(EXPORT chronik-remote NAMESPACE chronik:: FILE chronik-remote-targets.cmake
  DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/chronik COMPONENT checkpoint)

write_basic_package_version_file(${CMAKE_BINARY_DIR}/chronik-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES cmake/chronik-config.cmake ${CMAKE_BINARY_DIR}/chronik-config-version.cmake
  DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/chronik COMPONENT checkpoint)

# Found from where the file lies, so that the whole prefix may be moved.
file(RELATIVE_PATH prefix_from_pkgconfig /${CMAKE_INSTALL_LIBDIR}/pkgconfig /)
foreach(package chronik-checkpoint chronik-checkpoint-remote)
  configure_file(cmake/${package}.pc.in ${CMAKE_BINARY_DIR}/${package}.pc @ONLY)
  install(FILES ${CMAKE_BINARY_DIR}/${package}.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig COMPONENT checkpoint)
endforeach()

install(TARGETS chronik chronik-server RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} COMPONENT programs)
