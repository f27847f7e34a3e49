# find_package(CUDAToolkit) for CMake 3.25 with CUDA 12.9 and later: 3.25's module marks the target
# CUDA::nvToolsExt as deprecated for projects that require 3.25, and fails where that library is gone.
# Also read by undulaConfig.cmake.
set(_undula_minimum_required ${CMAKE_MINIMUM_REQUIRED_VERSION})
if(CMAKE_VERSION VERSION_LESS 3.26)
  set(CMAKE_MINIMUM_REQUIRED_VERSION 3.24)
endif()
find_package(CUDAToolkit REQUIRED)
set(CMAKE_MINIMUM_REQUIRED_VERSION ${_undula_minimum_required})
unset(_undula_minimum_required)
