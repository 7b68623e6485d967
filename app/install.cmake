# What `cmake --install` puts where, and the Debian package that `cpack -G DEB` makes of it.
include(GNUInstallDirs)

install(TARGETS terse RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(FILES ${TERSE_GENERATED}/man/terse.1 DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
install(FILES ${TERSE_GENERATED}/bash/terse
        DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions)
install(FILES ${TERSE_GENERATED}/zsh/_terse
        DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/vendor-completions)
install(FILES ${TERSE_GENERATED}/fish/terse.fish
        DESTINATION ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d)
install(DIRECTORY ${PROJECT_SOURCE_DIR}/models/
        DESTINATION ${CMAKE_INSTALL_DATADIR}/terse/models)
install(FILES ${PROJECT_SOURCE_DIR}/LICENSE DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/terse
        RENAME copyright)
install(FILES ${PROJECT_SOURCE_DIR}/io/FORMAT.md DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/terse)
if(EXISTS ${PROJECT_SOURCE_DIR}/README.md)
  install(FILES ${PROJECT_SOURCE_DIR}/README.md DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/terse)
endif()

set(CPACK_PACKAGE_NAME terse)
set(CPACK_PACKAGE_CONTACT "The authors of Terse <terse@localhost>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "summarise and continue texts with sparse transformers")
set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_SECTION text)
include(CPack)
