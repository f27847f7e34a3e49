# The models' timing program; include()d by bench/CMakeLists.txt.
add_executable(ripple_bench ripple_bench.cc ctr_data.cc)
target_link_libraries(ripple_bench PRIVATE undula_models undula_propagation undula_base undula_flags)
