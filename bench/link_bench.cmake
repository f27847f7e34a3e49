# Timing program of linking; include()d by bench/CMakeLists.txt.
add_executable(link_bench link_bench.cc)
target_link_libraries(link_bench PRIVATE undula_linking undula_kgstore undula_base undula_flags)
