#!/usr/bin/env bash
# run_consumer.sh CMAKE BUILD_DIR WORK_DIR SAMPLES CXX SANITIZERS
# Installs BUILD_DIR to a fresh prefix, builds consumer/ against it and runs the first example on
# the sample data; then builds the same file with pkg-config's flags alone.
set -euo pipefail
cmake=$1 build=$2 work=$3 samples=$4 cxx=$5 sanitize=$6
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
prefix=$work/prefix
flags=${sanitize:+-fsanitize=$sanitize}

rm -rf "$prefix" "$work/consumer" "$work/source" "$work/run"
mkdir -p "$work/run"
"$cmake" --install "$build" --prefix "$prefix" >"$work/install.log"
cp -r "$here/consumer" "$work/source"  # out of our tree: nothing of it can be found by accident
"$cmake" -S "$work/source" -B "$work/consumer" -G Ninja -DCMAKE_PREFIX_PATH="$prefix" \
  -DCMAKE_CXX_COMPILER="$cxx" -DCMAKE_CXX_FLAGS="$flags"
"$cmake" --build "$work/consumer"
"$work/consumer/first" "$samples" "$work/run/films.undula" | tee "$work/run/out.txt"
[[ $(grep -c . "$work/run/out.txt") -ge 10 ]]

pc=$(dirname "$(find "$prefix" -name undula.pc)")
export PKG_CONFIG_PATH=$pc
# shellcheck disable=SC2046  # the flags are words
"$cxx" -std=c++20 $flags "$work/source/main.cc" -o "$work/first_pc" \
  $(pkg-config --define-variable=prefix="$prefix" --cflags --libs undula)
rm -rf "$work"/run/films.undula*
"$work/first_pc" "$samples" "$work/run/films.undula" | diff - "$work/run/out.txt"
echo "the consumer's two builds print the same recommendations"
