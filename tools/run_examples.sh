#!/bin/sh
# run_examples.sh - every example in $BUILD/examples runs, says what it should, and ends.
#
# What it should say is in the first comment of its source, after a line
#	Output:                 what follows, to the end of the comment, is its stdout
#	Output, in any order:   the same, but for the order of the lines
# and before that, where they apply:
#	Run with: NAME=value    in its environment
#	Status: N               how it ends, if not with 0
#	Errors: text            a part of its stderr; without any it says nothing there
# An example without an output is only run. tests/examples/NAME_test.sh tests an example
# more closely; it is then not run here.
passed=0 failed=0
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT

# value of KEY in the comment, one a line
values() { sed -n "s/^[ /]\* $1: *//p; /\*\//q" "$src" | sed 's| *\*/$||'; }

# Does what was said match the comment?
matches()
{
	values Errors >"$tmp/errors"
	values Status >"$tmp/status"
	[ "$status" = "$(cat "$tmp/status" | grep . || echo 0)" ] || return 1
	[ -s "$tmp/errors" ] || [ ! -s "$tmp/err" ] || return 1
	while read -r text; do
		grep -qF -- "$text" "$tmp/err" || return 1
	done <"$tmp/errors"
	grep -q '^ \* Output' "$src" || return 0
	sed -n '/^ \* Output/,/\*\//p' "$src" | sed '1d; s/^ \* \{0,1\}//; s| *\*/$||' >"$tmp/want"
	if grep -q '^ \* Output, in any order:' "$src"; then
		LC_ALL=C sort -o "$tmp/want" "$tmp/want"
		LC_ALL=C sort -o "$tmp/out" "$tmp/out"
	fi
	diff -u "$tmp/want" "$tmp/out" >"$tmp/diff"
}

for src in examples/*.c examples/*/*.c; do
	name=${src#examples/}
	name=${name%.c}
	[ -f "$src" ] && [ ! -f "tests/examples/${name}_test.sh" ] || continue
	: >"$tmp/diff"
	env $(values 'Run with') timeout 60 "$BUILD/examples/$name" >"$tmp/out" 2>"$tmp/err" </dev/null
	status=$?
	if matches; then
		echo "ok example $name"
		passed=$((passed + 1))
	else
		echo "FAIL example $name: status $status"
		cat "$tmp/diff" "$tmp/err"
		failed=$((failed + 1))
	fi
done
echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
