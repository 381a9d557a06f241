#!/bin/sh
# run_examples.sh - every example in $BUILD/examples runs, says what it should, and ends.
#
# tests/examples/NAME_test.sh tests an example more closely; it is then not run here.
# tests/examples/NAME.out, where there is one, is what it must print.
passed=0 failed=0
out=$(mktemp) || exit 1
trap 'rm -f "$out"' EXIT

for src in examples/*.c; do
	name=$(basename "$src" .c)
	[ -f "$src" ] && [ ! -f "tests/examples/${name}_test.sh" ] || continue
	timeout 60 "$BUILD/examples/$name" >"$out" 2>&1 </dev/null
	status=$?
	want=tests/examples/$name.out
	if [ $status -ne 0 ]; then
		echo "FAIL example $name: status $status"; cat "$out"
		failed=$((failed + 1))
	elif [ -f "$want" ] && ! diff -u "$want" "$out"; then
		echo "FAIL example $name: it printed something else"
		failed=$((failed + 1))
	else
		echo "ok example $name"
		passed=$((passed + 1))
	fi
done
echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
