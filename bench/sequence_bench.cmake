# Timing program of the sequence models; include()d by bench/CMakeLists.txt.
add_executable(sequence_bench sequence_bench.cc)
target_link_libraries(sequence_bench PRIVATE undula_models undula_propagation undula_base undula_flags)
