# Timing program of random walks; include()d by bench/CMakeLists.txt.
add_executable(walk_bench walk_bench.cc)
target_link_libraries(walk_bench PRIVATE undula_propagation undula_base undula_flags)
