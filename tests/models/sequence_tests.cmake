# Tests of the sequence models; include()d by tests/models/CMakeLists.txt.
undula_test(sequence_test
  SOURCES sequence_data_test.cc sequence_model_test.cc sequence_state_test.cc
          world.cc
  MODULES models propagation base)
undula_test(sequence_oracle_test
  SOURCES sequence_oracle_test.cc world.cc ${PROJECT_SOURCE_DIR}/tests/conformance/oracle_file.cc
  MODULES models propagation base
  LABELS oracle)
