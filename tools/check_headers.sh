#!/bin/sh
# check_headers.sh - tests/headers/run.sh with the C++ compiler that belongs to CC, and a
# summary of its "ok" and "FAIL" lines.
cd "$(dirname "$0")/.." || exit 2
case ${CC:-cc} in *clang*) export CXX="${CXX:-clang++}" ;; esac
log=$(mktemp) || exit 2
trap 'rm -f "$log"' EXIT
tests/headers/run.sh >"$log" 2>&1
status=$?
cat "$log"
failed=$(grep -c '^FAIL ' "$log")
[ $status -eq 0 ] || [ "$failed" -gt 0 ] || { echo "FAIL headers: status $status"; failed=1; }
echo "$(grep -c '^ok ' "$log") passed, $failed failed"
[ "$failed" -eq 0 ]
