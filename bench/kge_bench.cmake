# Timing program of knowledge-graph embeddings; include()d by bench/CMakeLists.txt.
add_executable(kge_bench kge_bench.cc)
target_link_libraries(kge_bench PRIVATE undula_models undula_propagation undula_base undula_flags)
