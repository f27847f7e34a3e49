# The Google Benchmark program (libbenchmark-dev); include()d by bench/CMakeLists.txt.
find_package(benchmark QUIET)
if(benchmark_FOUND)
  add_executable(undula_bench undula_bench/main.cc undula_bench/limits.cc undula_bench/operators.cc
                 undula_bench/steps.cc undula_bench/samplers.cc ctr_data.cc)
  target_include_directories(undula_bench PRIVATE ${CMAKE_CURRENT_SOURCE_DIR})
  target_link_libraries(undula_bench PRIVATE undula_models undula_propagation undula_base
                        undula_flags benchmark::benchmark)
else()
  message(STATUS "Undula: libbenchmark-dev is missing, undula_bench is left out")
endif()
