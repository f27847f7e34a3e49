# RippleNet's tests; include()d by tests/models/CMakeLists.txt.
undula_test(ripplenet_test
  SOURCES ripplenet_kernels_test.cc ripplenet_math_test.cc ripplenet_ripple_set_test.cc
  MODULES models propagation base)
