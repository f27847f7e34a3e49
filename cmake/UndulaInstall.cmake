# `cmake --install`: the library, its public headers, undulaConfig.cmake, undula.pc; cli/
# installs the program.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)
set(undula_cmake_dir ${CMAKE_INSTALL_LIBDIR}/cmake/undula)

install(TARGETS undula EXPORT undulaTargets
        FILE_SET HEADERS DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(EXPORT undulaTargets NAMESPACE undula:: DESTINATION ${undula_cmake_dir})
configure_package_config_file(${CMAKE_CURRENT_LIST_DIR}/undulaConfig.cmake.in
  ${PROJECT_BINARY_DIR}/undulaConfig.cmake INSTALL_DESTINATION ${undula_cmake_dir})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/undulaConfigVersion.cmake
  COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/undulaConfig.cmake ${PROJECT_BINARY_DIR}/undulaConfigVersion.cmake
              ${CMAKE_CURRENT_LIST_DIR}/UndulaFindCudaToolkit.cmake
        DESTINATION ${undula_cmake_dir})

# The library is static by default, so every link line needs its private packages too.
set(undula_pc_packages "tbb lmdb serd-0 libarchive libutf8proc libzstd")
set(undula_pc_libs "")
if(UNDULA_HAS_CUDA)
  set(undula_pc_libs "${CUDA_cudart_static_LIBRARY} -lrt -ldl")
endif()
configure_file(${CMAKE_CURRENT_LIST_DIR}/undula.pc.in ${PROJECT_BINARY_DIR}/undula.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/undula.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)

install(FILES ${PROJECT_SOURCE_DIR}/LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR})
