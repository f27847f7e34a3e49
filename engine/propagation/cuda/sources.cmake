# Sources of the CUDA side, relative to engine/propagation; include()d there and by the tests, which
# compile the same kernels for the emulator.
set(UNDULA_CUDA_KERNEL_SOURCES
    cuda/row_segments.cu
    cuda/segment_tiles.cu
    cuda/vector.cu
    ops/add_by_row.cu
    ops/attention_read.cu
    ops/bias.cu
    ops/elementwise.cu
    ops/gather.cu
    ops/group_attention.cu
    ops/group_tile.cu
    ops/gru.cu
    ops/key_value_memory.cu
    ops/linear_cross_entropy.cu
    ops/losses.cu
    ops/matmul.cu
    ops/rank_dot.cu
    ops/rank_mix.cu
    ops/rank_ripple.cu
    ops/relation_gemv.cu
    ops/relation_gemv_tile.cu
    ops/relation_mix.cu
    ops/row_normalize.cu
    ops/segment_attention.cu
    ops/segment_reduce.cu
    ops/segment_softmax.cu
    ops/shared_negatives.cu
    ops/soft_read.cu
    ops/spmm.cu
    ops/triple_score.cu
    ops/ward_chain.cu
    ops/weight_sum.cu
    optim/optimizer.cu
    sample/walk_kernel.cu)
set(UNDULA_CUDA_KERNELS ${UNDULA_CUDA_KERNEL_SOURCES} cuda/primitives.cu)
set(UNDULA_CUDA_HOST_SOURCES cuda/device.cc cuda/sort_rows.cc cuda/staging.cc)
# In the place of primitives.cu, blas.cc and runtime.cc.
set(UNDULA_EMULATOR_SOURCES
    cuda/fiber.cc
    cuda/simt_blas.cc
    cuda/simt_emulator.cc
    cuda/simt_memory.cc
    cuda/simt_primitives.cc
    cuda/simt_runtime.cc)
