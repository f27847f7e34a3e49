# undula_module(NAME SOURCES ... [PACKAGES ...])  an OBJECT library undula_NAME
# undula_test(NAME SOURCES ... MODULES ... [LABELS ...] [PACKAGES ...])  one GoogleTest program
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
if(NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES)
  set(CMAKE_BUILD_TYPE RelWithDebInfo CACHE STRING "" FORCE)
endif()
find_program(UNDULA_CCACHE ccache)
if(UNDULA_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${UNDULA_CCACHE})
  set(CMAKE_CUDA_COMPILER_LAUNCHER ${UNDULA_CCACHE})
endif()

# Flags of all our C++ code. No -march=native, no fast-math: same bits everywhere.
add_library(undula_flags INTERFACE)
target_compile_options(undula_flags INTERFACE
  $<$<COMPILE_LANGUAGE:CXX>:-Wall -Wextra -Wno-missing-field-initializers -ffp-contract=off>)
target_include_directories(undula_flags INTERFACE
  $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/engine> $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}>
  $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/engine/include>)
if(UNDULA_SANITIZE)
  target_compile_options(undula_flags INTERFACE $<$<COMPILE_LANGUAGE:CXX>:-fsanitize=${UNDULA_SANITIZE}
    -fno-omit-frame-pointer -fno-sanitize-recover=all>)
  target_link_options(undula_flags INTERFACE -fsanitize=${UNDULA_SANITIZE})
endif()

function(undula_module name)
  cmake_parse_arguments(ARG "" "" "SOURCES;PACKAGES" ${ARGN})
  add_library(undula_${name} OBJECT ${ARG_SOURCES})
  target_link_libraries(undula_${name} PUBLIC undula_flags absl::status absl::statusor
                        Threads::Threads ${ARG_PACKAGES})
endfunction()

function(undula_test name)
  cmake_parse_arguments(ARG "" "" "SOURCES;MODULES;LABELS;PACKAGES" ${ARGN})
  if(NOT ARG_LABELS)
    set(ARG_LABELS unit)
  endif()
  add_executable(${name} ${ARG_SOURCES})
  list(TRANSFORM ARG_MODULES PREPEND undula_)
  target_link_libraries(${name} PRIVATE ${ARG_MODULES} undula_flags GTest::gmock GTest::gtest_main
                        ${ARG_PACKAGES})
  include(GoogleTest)
  gtest_discover_tests(${name} PROPERTIES LABELS "${ARG_LABELS}" DISCOVERY_TIMEOUT 60
                       WORKING_DIRECTORY ${PROJECT_BINARY_DIR})
endfunction()
