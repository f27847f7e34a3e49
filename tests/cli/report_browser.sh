#!/usr/bin/env bash
# A report of the sample data in headless Chromium: light, dark, 400 pixels wide, and printed. Fails
# where the page's policy refuses its own script or a picture comes out empty; the pictures stay in
# FOLDER to be looked at. Exit code 77: no Chromium.
#   report_browser.sh PROGRAM SAMPLES FOLDER
set -euo pipefail
program=$1 samples=$2 folder=$3
chromium=$(command -v chromium || command -v chromium-browser || command -v google-chrome || true)
[[ -n $chromium ]] || { echo "skipped: no chromium on the path"; exit 77; }
rm -rf "$folder"
mkdir -p "$folder"
db=$folder/films.undula
"$program" import "$db" "$samples/films.ttl" "$samples/catalogue.csv" \
  "$samples/interactions.synthetic.tsv" --quiet >/dev/null
"$program" link "$db" --require year=http://undula.example/film/year >/dev/null
"$program" train "$db" --epochs 2 --metric ndcg --metrics "$folder/run.jsonl" --quiet >/dev/null
"$program" report "$db" --metrics "ripplenet=$folder/run.jsonl" -o "$folder/report.html" --quiet

browser() {
  timeout 120 "$chromium" --headless --no-sandbox --disable-gpu --hide-scrollbars \
    --user-data-dir="$folder/profile" --enable-logging=stderr "$@" "file://$folder/report.html" \
    2>>"$folder/log"
}
browser --dump-dom >"$folder/dom.html"
browser --window-size=1100,6000 --screenshot="$folder/light.png"
browser --window-size=1100,6000 --blink-settings=preferredColorScheme=0 \
  --screenshot="$folder/dark.png"
browser --window-size=400,6000 --screenshot="$folder/narrow.png"
browser --no-pdf-header-footer --print-to-pdf="$folder/print.pdf"
rm -rf "$folder/profile"

failed=0
grep -i "refused to\|content security policy" "$folder/log" && { echo "the policy refuses"; failed=1; }
grep -q 'aria-sort\|data-sort' "$folder/dom.html" || { echo "the script did not run"; failed=1; }
for file in light.png dark.png narrow.png print.pdf; do
  [[ $(stat -c %s "$folder/$file") -gt 50000 ]] || { echo "$file is empty"; failed=1; }
done
cmp -s "$folder/light.png" "$folder/dark.png" && { echo "dark looks like light"; failed=1; }
echo "pictures: $folder"
exit $failed
