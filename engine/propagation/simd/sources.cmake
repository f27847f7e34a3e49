# Sources of the tuned float32 kernels, one object per instruction set; include()d by
# engine/propagation/CMakeLists.txt. The targets differ in flags only and are chosen at run time.
set(UNDULA_SIMD_SOURCES simd/target.cc ops/group_attention_simd.cc
    ops/group_attention_simd_scalar.cc ops/relation_mix_simd.cc ops/relation_mix_simd_scalar.cc
    optim/adam_simd.cc optim/adam_simd_scalar.cc ops/triple_simd.cc
    ops/triple_simd_scalar.cc ops/softmax_simd.cc
    ops/softmax_simd_scalar.cc ops/gate_simd.cc ops/gate_simd_scalar.cc simd/scan.cc simd/scan_scalar.cc
    simd/panel_scan.cc simd/panel_scan_scalar.cc tile_gemm_scalar.cc)
if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
  list(APPEND UNDULA_SIMD_SOURCES ops/group_attention_simd_avx2.cc
       ops/group_attention_simd_avx512.cc ops/relation_mix_simd_avx2.cc
       ops/relation_mix_simd_avx512.cc optim/adam_simd_avx2.cc optim/adam_simd_avx512.cc
       ops/triple_simd_avx2.cc ops/triple_simd_avx512.cc
       ops/softmax_simd_avx2.cc ops/softmax_simd_avx512.cc
       ops/gate_simd_avx2.cc ops/gate_simd_avx512.cc simd/scan_avx2.cc simd/scan_avx512.cc
       simd/panel_scan_avx2.cc simd/panel_scan_avx512.cc tile_gemm_avx2.cc tile_gemm_avx512.cc)
  set_source_files_properties(ops/group_attention_simd_avx2.cc ops/relation_mix_simd_avx2.cc
                              optim/adam_simd_avx2.cc ops/triple_simd_avx2.cc
                              ops/softmax_simd_avx2.cc ops/gate_simd_avx2.cc simd/scan_avx2.cc
                              simd/panel_scan_avx2.cc tile_gemm_avx2.cc
                              PROPERTIES COMPILE_OPTIONS "-mavx2;-mfma")
  # GCC 12 takes the undefined pass-through operand of its own intrinsics for a use.
  set_source_files_properties(ops/group_attention_simd_avx512.cc ops/relation_mix_simd_avx512.cc
                              optim/adam_simd_avx512.cc ops/triple_simd_avx512.cc
                              ops/softmax_simd_avx512.cc ops/gate_simd_avx512.cc
                              simd/scan_avx512.cc simd/panel_scan_avx512.cc tile_gemm_avx512.cc
                              PROPERTIES COMPILE_OPTIONS "-mavx512f;-mfma;-Wno-maybe-uninitialized;-Wno-uninitialized")
endif()
