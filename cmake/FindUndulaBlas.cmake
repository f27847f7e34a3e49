# Undula::BLAS: OpenBLAS, the serial build where Debian's libopenblas-serial-dev has it. The library
# is named by its full path: the plain name would follow the `alternatives` link to a build that
# starts its own threads. CMake then records the folder in the RPATH of programs.
find_path(UndulaBlas_INCLUDE_DIR NAMES cblas.h
          PATH_SUFFIXES ${CMAKE_LIBRARY_ARCHITECTURE}/openblas-serial openblas-serial openblas)
find_library(UndulaBlas_LIBRARY NAMES openblas PATH_SUFFIXES openblas-serial)

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(UndulaBlas
  REQUIRED_VARS UndulaBlas_LIBRARY UndulaBlas_INCLUDE_DIR
  REASON_FAILURE_MESSAGE "install libopenblas-serial-dev (scripts/setup)")
mark_as_advanced(UndulaBlas_INCLUDE_DIR UndulaBlas_LIBRARY)

if(UndulaBlas_FOUND AND NOT TARGET Undula::BLAS)
  add_library(Undula::BLAS UNKNOWN IMPORTED)
  set_target_properties(Undula::BLAS PROPERTIES
    IMPORTED_LOCATION ${UndulaBlas_LIBRARY}
    INTERFACE_INCLUDE_DIRECTORIES ${UndulaBlas_INCLUDE_DIR})
endif()
