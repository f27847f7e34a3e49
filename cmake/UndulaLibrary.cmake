# The one library target: every module's objects merged into `undula` (alias undula::undula).
# STATIC unless BUILD_SHARED_LIBS. The headers in engine/include/undula are the whole public API.
get_property(undula_modules GLOBAL PROPERTY UNDULA_MODULES)
get_property(undula_packages GLOBAL PROPERTY UNDULA_MODULE_PACKAGES)
list(REMOVE_DUPLICATES undula_packages)

add_library(undula)
add_library(undula::undula ALIAS undula)
foreach(module IN LISTS undula_modules)
  target_sources(undula PRIVATE $<TARGET_OBJECTS:undula_${module}>)
endforeach()
# The folder is the list: tests/lint fails on anything in it that is not a public header.
file(GLOB undula_public_headers CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/engine/include/undula/*.h)
target_sources(undula PUBLIC FILE_SET HEADERS BASE_DIRS ${PROJECT_SOURCE_DIR}/engine/include
               FILES ${undula_public_headers})
target_compile_features(undula PUBLIC cxx_std_20)
target_link_libraries(undula PUBLIC absl::status absl::statusor
                      PRIVATE Threads::Threads ${undula_packages} $<BUILD_INTERFACE:undula_flags>)
set_target_properties(undula PROPERTIES VERSION ${PROJECT_VERSION} SOVERSION ${PROJECT_VERSION_MAJOR}
                      LINKER_LANGUAGE CXX INSTALL_RPATH_USE_LINK_PATH ON)
