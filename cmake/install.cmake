include(GNUInstallDirs)
install(TARGETS fusion_bench RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
file(GLOB pages CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/doc/man/*.1 ${CMAKE_SOURCE_DIR}/doc/man/*.5
     ${CMAKE_SOURCE_DIR}/doc/man/*.7)
foreach(page IN LISTS pages)
  string(REGEX REPLACE ".*\\.([0-9])$" "\\1" section ${page})
  install(FILES ${page} DESTINATION ${CMAKE_INSTALL_MANDIR}/man${section})
endforeach()
install(FILES ${CMAKE_SOURCE_DIR}/tools/completion.bash
        DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions RENAME fusion_bench OPTIONAL)
