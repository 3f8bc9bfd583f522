# `cmake --install` and the Debian package (make package): the program, its documentation, its licence, and pictures to
# try it on.
include(GNUInstallDirs)
set(CMAKE_SKIP_INSTALL_ALL_DEPENDENCY ON) # the tests are not installed, so they need not be built

install(TARGETS rankine RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(FILES README.md CHANGELOG.md LICENSE NOTICE DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(FILES NOTICE DESTINATION ${CMAKE_INSTALL_DOCDIR} RENAME copyright) # the name that Debian looks for
install(DIRECTORY docs DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(DIRECTORY assets/demo DESTINATION ${CMAKE_INSTALL_DOCDIR}/examples)

set(RANKINE_PACKAGE_MAINTAINER "The Rankine authors <authors@rankine.invalid>" CACHE STRING "Who answers for the package")
set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME rankine)
set(CPACK_PACKAGE_VENDOR "The Rankine authors")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "trainer of LoRAs for Stable Diffusion")
set(CPACK_PACKAGE_DESCRIPTION
"Rankine trains LoRAs for Stable Diffusion on an ordinary CPU. It takes the
place of kohya's sd-scripts: the same flags, the same dataset format, the same
LoRA files. It needs neither Python nor a GPU.")
set(CPACK_RESOURCE_FILE_LICENSE ${PROJECT_SOURCE_DIR}/LICENSE)
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_DEBIAN_PACKAGE_MAINTAINER ${RANKINE_PACKAGE_MAINTAINER})
set(CPACK_DEBIAN_PACKAGE_SECTION science)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON) # Depends: the packages of the libraries that the program is linked with
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
include(CPack)
