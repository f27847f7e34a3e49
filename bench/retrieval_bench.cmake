# Timing program of nearest-neighbor search; include()d by bench/CMakeLists.txt.
add_executable(retrieval_bench retrieval_bench.cc)
target_link_libraries(retrieval_bench PRIVATE undula_models undula_propagation undula_base undula_flags)
add_executable(around_bench around_bench.cc)
target_link_libraries(around_bench PRIVATE undula_models undula_propagation undula_base undula_flags)
