# Functions of scripts/test and .ci/run; sourced, not run.

# run_ctest BUILD_DIR CTEST_ARGS...: runs the tests, writes BUILD_DIR/ctest.xml (JUnit) and
# BUILD_DIR/ctest.log, shows the failures. No test at all is a failure.
run_ctest() {
  local build status=0
  build=$(realpath "$1")
  shift
  rm -f "$build/ctest.xml"
  ctest --test-dir "$build" --no-tests=error --output-on-failure --timeout 300 \
    --output-junit "$build/ctest.xml" "$@" >"$build/ctest.log" 2>&1 || status=$?
  # The lines of what passed or was skipped stay in the log; skips are summed up by reason.
  sed '/^The following tests did not run/,/^$/d' "$build/ctest.log" | grep -vE \
    '^ *Start +[0-9]+:|^ *[0-9]+/[0-9]+ Test +#[0-9]+: .*(   Passed|\*\*\*Skipped) |^Internal ctest|^Test project|^$' ||
    true
  skip_reasons "$build/ctest.xml"
  return "$status"
}

# counts_of JUNIT_FILE: "PASSED FAILED SKIPPED". A test whose program is missing counts as failed.
counts_of() {
  [[ -f $1 ]] || { echo "0 1 0"; return; }
  awk '/<testcase /{ test = 1; bad = /status="fail"/; skip = /status="(notrun|disabled)"/ }
       test && /<skipped message="(Unable to find executable|Required Files)/ { bad = 1 }
       /<\/testcase>|<testcase .*\/>/ { if (bad) f++; else if (skip) s++; else p++; test = 0 }
       END { printf "%d %d %d\n", p, f, s }' "$1"
}

# skip_reasons JUNIT_FILE: one line for each distinct reason that GoogleTest printed.
skip_reasons() {
  [[ -f $1 ]] || return 0
  awk '/: Skipped$/ { getline; if (!($0 in count)) order[++n] = $0; count[$0]++ }
       END { for (i = 1; i <= n; i++) printf "skipped %d: %s\n", count[order[i]], order[i] }' "$1" |
    sed 's/&lt;/</g; s/&gt;/>/g; s/&quot;/"/g; s/&apos;/'"'"'/g; s/&amp;/\&/g' | head -40
}

# print_counts JUNIT_FILE...: "N passed, N failed, N skipped", summed.
print_counts() {
  local file p f s passed=0 failed=0 skipped=0
  for file in "$@"; do
    read -r p f s < <(counts_of "$file")
    passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
  done
  echo "$passed passed, $failed failed, $skipped skipped"
}
