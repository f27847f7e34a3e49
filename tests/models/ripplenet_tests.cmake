# RippleNet's tests; include()d by tests/models/CMakeLists.txt.
undula_test(ripplenet_test
  SOURCES ripplenet_forms_test.cc ripplenet_kernels_test.cc ripplenet_math_test.cc
          ripplenet_ripple_set_test.cc ripplenet_scorer_test.cc
  MODULES models propagation base)
undula_test(ripplenet_oracle_test
  SOURCES ripplenet_oracle_test.cc
  MODULES oracle_file models propagation base
  LABELS oracle)
undula_test(ripplenet_data_test
  SOURCES ripplenet_data_test.cc
  MODULES models propagation base
  LABELS data slow)
