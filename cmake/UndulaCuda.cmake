# Sets UNDULA_HAS_CUDA. Kernels are compiled for the architectures of CMAKE_CUDA_ARCHITECTURES;
# cudart is linked statically and cuBLAS is loaded at run time, so that one program serves machines
# with and without a GPU.
set(UNDULA_HAS_CUDA OFF)
if(NOT UNDULA_CUDA STREQUAL "OFF")
  include(CheckLanguage)
  check_language(CUDA)
  if(CMAKE_CUDA_COMPILER)
    if(NOT DEFINED CMAKE_CUDA_ARCHITECTURES AND NOT DEFINED ENV{CUDAARCHS})
      # Machine code for sm_80 and sm_90, PTX for what comes after.
      set(CMAKE_CUDA_ARCHITECTURES "80-real;90" CACHE STRING "GPU architectures")
    endif()
    set(CMAKE_CUDA_RUNTIME_LIBRARY Static)
    enable_language(CUDA)
    if(NOT CMAKE_CUDA20_STANDARD_COMPILE_OPTION)  # CMake 3.25 does not know nvcc's C++20 yet
      set(CMAKE_CUDA20_STANDARD_COMPILE_OPTION "-std=c++20")
      set(CMAKE_CUDA20_EXTENSION_COMPILE_OPTION "-std=c++20")
    endif()
    set(CMAKE_CUDA_STANDARD 20)
    set(CMAKE_CUDA_STANDARD_REQUIRED ON)
    include(${CMAKE_CURRENT_LIST_DIR}/UndulaFindCudaToolkit.cmake)
    set(UNDULA_HAS_CUDA ON)
  elseif(UNDULA_CUDA STREQUAL "ON")
    message(FATAL_ERROR "UNDULA_CUDA=ON but no CUDA compiler was found; install the CUDA Toolkit, "
                        "put nvcc on PATH, or use -DUNDULA_CUDA=AUTO or OFF")
  endif()
endif()
message(STATUS "Undula: CUDA kernels ${UNDULA_HAS_CUDA}")
