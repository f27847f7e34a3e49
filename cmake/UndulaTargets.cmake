# undula_module(NAME SOURCES ... [CUDA_SOURCES ...] [PACKAGES ...])
#   an OBJECT library undula_NAME that becomes part of the library `undula`. CUDA_SOURCES (.cu) are
#   compiled where UNDULA_HAS_CUDA; the macro UNDULA_HAS_CUDA is 0 or 1 in all of our code.
# undula_test(NAME SOURCES ... MODULES ... [LABELS ...] [PACKAGES ...])
#   one GoogleTest program; each of its tests is a CTest test with the labels (default: unit) and
#   the label in_FOLDER; the target undula_tests_FOLDER builds the folder's programs. The macro
#   UNDULA_SOURCE_DIR is the repository root.
# undula_test_support(NAME SOURCES ... MODULES ...)
#   sources of several test programs, compiled once: a name for their MODULES.
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
if(NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES)
  set(CMAKE_BUILD_TYPE RelWithDebInfo CACHE STRING "" FORCE)
endif()
find_program(UNDULA_CCACHE ccache)
if(UNDULA_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${UNDULA_CCACHE})
  set(CMAKE_CUDA_COMPILER_LAUNCHER ${UNDULA_CCACHE})
endif()

# Flags of all our code. No -march=native, no fast-math, no contraction: same bits everywhere. Nobody
# reads exception flags or errno of arithmetic, for whose sake GCC would leave loops with a choice in
# them (exp, tanh) scalar; values do not change.
add_library(undula_flags INTERFACE)
target_compile_options(undula_flags INTERFACE
  $<$<COMPILE_LANGUAGE:CXX>:-Wall -Wextra -Wno-missing-field-initializers -ffp-contract=off
    -fno-trapping-math -fno-math-errno>
  $<$<COMPILE_LANGUAGE:CUDA>:--fmad=false -Xcompiler=-Wall,-ffp-contract=off>)
target_include_directories(undula_flags INTERFACE
  $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/engine> $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}>
  $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/engine/include>)
target_compile_definitions(undula_flags INTERFACE UNDULA_HAS_CUDA=$<BOOL:${UNDULA_HAS_CUDA}>)
if(UNDULA_DCHECKS OR CMAKE_BUILD_TYPE STREQUAL "Debug")
  target_compile_definitions(undula_flags INTERFACE
    UNDULA_DCHECKS=1 $<$<COMPILE_LANGUAGE:CXX>:_GLIBCXX_ASSERTIONS>)
endif()
if(UNDULA_SANITIZE)
  target_compile_options(undula_flags INTERFACE $<$<COMPILE_LANGUAGE:CXX>:-fsanitize=${UNDULA_SANITIZE}
    -fno-omit-frame-pointer -fno-sanitize-recover=all>)
  target_link_options(undula_flags INTERFACE -fsanitize=${UNDULA_SANITIZE})
endif()
if(UNDULA_FUZZ)
  target_compile_options(undula_flags INTERFACE -fsanitize=fuzzer-no-link,address,undefined
    -fno-omit-frame-pointer -fno-sanitize-recover=all)
  target_link_options(undula_flags INTERFACE -fsanitize=fuzzer-no-link,address,undefined)
endif()

# undula_common_headers(TARGET): with UNDULA_PCH the headers that nearly every source reads are parsed once for each kind
# of target, which saves a third of a build from nothing. Off by default, as ccache then shares nothing between
# build trees.
function(undula_common_headers target)
  if(NOT UNDULA_PCH)
    return()
  endif()
  get_target_property(type ${target} TYPE)
  get_target_property(libraries ${target} LINK_LIBRARIES)
  if(NOT type STREQUAL "EXECUTABLE")
    set(kind library)
  elseif("GTest::gmock" IN_LIST libraries)
    set(kind test)
  else()
    set(kind program)
  endif()
  set(pch undula_headers_of_${kind})
  if(NOT TARGET ${pch})
    set(source ${PROJECT_BINARY_DIR}/${pch}.cc)
    file(CONFIGURE OUTPUT ${source} CONTENT "int main() { return 0; }\n")
    if(kind STREQUAL "library")
      add_library(${pch} OBJECT ${source})
    else()
      add_executable(${pch} ${source})
    endif()
    target_link_libraries(${pch} PRIVATE undula_flags absl::status absl::statusor Threads::Threads
                          $<$<STREQUAL:${kind},test>:GTest::gmock>)
    set(headers <algorithm> <cmath> <cstdint> <functional> <map> <memory> <optional> <set> <span> <string>
                <string_view> <utility> <vector> "absl/status/status.h" "absl/status/statusor.h")
    if(kind STREQUAL "test")
      list(APPEND headers <gmock/gmock.h> <gtest/gtest.h>)
    endif()
    list(TRANSFORM headers REPLACE "(.+)" "$<$<COMPILE_LANGUAGE:CXX>:\\1>")
    target_compile_options(${pch} PRIVATE ${UNDULA_FLAGS_${kind}})
    target_precompile_headers(${pch} PRIVATE ${headers})
  endif()
  target_precompile_headers(${target} REUSE_FROM ${pch})
  get_target_property(sources ${target} SOURCES)
  foreach(source IN LISTS sources)  # other flags, other headers
    get_source_file_property(options ${source} COMPILE_OPTIONS)
    if(options)
      set_source_files_properties(${source} PROPERTIES SKIP_PRECOMPILE_HEADERS ON)
    endif()
  endforeach()
endfunction()

# Our own code is what sanitized tests spend their time in; the tests' own code is read once, so that an optimizer's
# passes over it cost more than they save.
if(UNDULA_SANITIZE)
  set(UNDULA_FLAGS_library $<$<COMPILE_LANGUAGE:CXX>:-O1>)
endif()
set(UNDULA_FLAGS_test $<$<AND:$<NOT:$<CONFIG:Debug>>,$<COMPILE_LANGUAGE:CXX>>:-O1>)

function(undula_module name)
  cmake_parse_arguments(ARG "" "" "SOURCES;CUDA_SOURCES;PACKAGES" ${ARGN})
  if(UNDULA_HAS_CUDA AND ARG_CUDA_SOURCES)
    list(APPEND ARG_SOURCES ${ARG_CUDA_SOURCES})
  endif()
  if(ARG_SOURCES MATCHES "\\.cu(;|$)")
    list(APPEND ARG_PACKAGES CUDA::cudart_static)
  endif()
  add_library(undula_${name} OBJECT ${ARG_SOURCES})
  target_link_libraries(undula_${name} PUBLIC undula_flags absl::status absl::statusor
                        Threads::Threads ${ARG_PACKAGES})
  target_compile_options(undula_${name} PRIVATE ${UNDULA_FLAGS_library})
  undula_common_headers(undula_${name})
  set_property(GLOBAL APPEND PROPERTY UNDULA_MODULES ${name})
  set_property(GLOBAL APPEND PROPERTY UNDULA_MODULE_PACKAGES ${ARG_PACKAGES})
endfunction()

function(undula_test_support name)
  cmake_parse_arguments(ARG "" "" "SOURCES;MODULES" ${ARGN})
  add_library(undula_${name} OBJECT ${ARG_SOURCES})
  list(TRANSFORM ARG_MODULES PREPEND undula_)
  target_link_libraries(undula_${name} PUBLIC ${ARG_MODULES} undula_flags GTest::gmock)
  target_compile_options(undula_${name} PRIVATE ${UNDULA_FLAGS_test})
  target_compile_definitions(undula_${name} PRIVATE UNDULA_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
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
  target_compile_options(${name} PRIVATE ${UNDULA_FLAGS_test})
  undula_common_headers(${name})
  target_compile_definitions(${name} PRIVATE UNDULA_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
  set_property(GLOBAL APPEND PROPERTY UNDULA_TESTS ${name})

  cmake_path(GET CMAKE_CURRENT_SOURCE_DIR FILENAME folder)
  if(NOT TARGET undula_tests_${folder})
    add_custom_target(undula_tests_${folder})
  endif()
  add_dependencies(undula_tests_${folder} ${name})
  include(GoogleTest)
  gtest_discover_tests(${name} DISCOVERY_TIMEOUT 60
                       PROPERTIES WORKING_DIRECTORY ${PROJECT_BINARY_DIR})
  # gtest_discover_tests() keeps only the first of several labels; set them from the list it leaves.
  list(APPEND ARG_LABELS in_${folder})
  set(labels_file ${CMAKE_CURRENT_BINARY_DIR}/${name}_labels.cmake)
  file(WRITE ${labels_file} "if(${name}_TESTS)
  set_tests_properties(\${${name}_TESTS} PROPERTIES LABELS \"${ARG_LABELS}\")
endif()
")
  set_property(DIRECTORY APPEND PROPERTY TEST_INCLUDE_FILES ${labels_file})
endfunction()
