# undula_embed(OUT_VAR DIRECTORY PATTERN SYMBOL): texts compiled into the library.
#
# Writes one .cc with the files of DIRECTORY that match PATTERN, sorted by name, and sets OUT_VAR to
# its path, to be listed among a target's sources. It defines, for a caller to declare:
#   namespace undula {
#   extern const std::pair<std::string_view, std::string_view> k<SYMBOL>[];  // file name, text
#   extern const size_t k<SYMBOL>Count;
#   }
# The file is made again when one of the files changes, appears or goes.
function(undula_embed out_var directory pattern symbol)
  file(GLOB files CONFIGURE_DEPENDS ${directory}/${pattern})
  if(NOT files)
    message(FATAL_ERROR "undula_embed: no file ${directory}/${pattern}")
  endif()
  list(SORT files)
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${files})
  set(entries "")
  foreach(path IN LISTS files)
    get_filename_component(name ${path} NAME)
    file(READ ${path} text)
    string(APPEND entries "    {\"${name}\", R\"~undula~(${text})~undula~\"},\n")
  endforeach()
  list(LENGTH files count)
  set(source ${CMAKE_CURRENT_BINARY_DIR}/embedded_${symbol}.cc)
  file(CONFIGURE OUTPUT ${source} @ONLY CONTENT [[
// Made by undula_embed (cmake/EmbedFiles.cmake).
#include <cstddef>
#include <string_view>
#include <utility>

namespace undula {
extern const std::pair<std::string_view, std::string_view> k@symbol@[];
extern const size_t k@symbol@Count;
const std::pair<std::string_view, std::string_view> k@symbol@[] = {
@entries@};
const size_t k@symbol@Count = @count@;
}  // namespace undula
]])
  set(${out_var} ${source} PARENT_SCOPE)
endfunction()
