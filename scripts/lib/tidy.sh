#!/usr/bin/env bash
# tidy.sh BUILD_DIR JOBS: clang-format over our C++ files, clang-tidy over the .cc files of the
# library and the program (scripts/test --tidy). A file is a test. To format all files:
#   git ls-files '*.h' '*.cc' '*.cu' | xargs clang-format -i
set -euo pipefail
build=$1 jobs=$2
scripts/setup --tidy
mkdir -p "$build"
cmake --preset tidy -B "$build" >"$build.configure.log" 2>&1 || { tail -40 "$build.configure.log"; exit 1; }

check() {  # check LOG_DIR FILE COMMAND...: one line and the log if the command fails
  local log="$1/${2//\//_}.$3" file=$2
  shift 2
  if "$@" "$file" >"$log" 2>&1; then
    echo ok >"$log.result"
  else
    echo fail >"$log.result"
    echo "FAILED: $1 $file"
    grep -E 'error:|warning:' "$log" | sort -u | head -20 || true
  fi
}
export -f check
logs=$build/tidy-logs
rm -rf "$logs"
mkdir -p "$logs"
git ls-files -co --exclude-standard '*.h' '*.cc' '*.cu' |
  xargs -P "$jobs" -I{} bash -c 'check "$@"' _ "$logs" {} clang-format --dry-run -Werror
# Only what this build compiles: the SIMT emulator is C++ that clang 14 cannot read (source_location).
sed -n "s|^ *\"file\": \"$PWD/\(.*\)\".*|\1|p" "$build/compile_commands.json" |
  grep -E '^(engine|queries|cli)/.*\.cc$' | sort -u |
  xargs -P "$jobs" -I{} bash -c 'check "$@"' _ "$logs" {} clang-tidy -p "$build" --quiet
passed=$(grep -lx ok "$logs"/*.result | wc -l || true)
failed=$(grep -lx fail "$logs"/*.result | wc -l || true)
echo "$passed passed, $failed failed, 0 skipped"
((failed == 0))
