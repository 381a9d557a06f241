#!/bin/sh
# check_vet.sh - millrace vet on its samples and on the examples.
#
#   tests/vet/bad/*.c    exactly what their lines say: `// vet: rule` at the end of one
#   tests/vet/good/*.c   nothing
#   examples, the tour   nothing
#   trouble              exit status 2, and why
# Samples are compiled too, with all warnings: nothing else is wrong with them.
cd "$(dirname "$0")/.." || exit 2
vet=tools/vet/millrace-vet
if ! command -v python3 >/dev/null || ! command -v "${CLANG:-clang}" >/dev/null; then
	echo "skip vet: python3 and clang are needed"
	echo "0 passed, 0 failed, 1 skipped"
	exit 0
fi
passed=0 failed=0
tmp=$(mktemp -d) || exit 2
trap 'rm -rf "$tmp"' EXIT
result()                        # name, 0 if it is well; what was said is in $tmp/out
{
	if [ "$2" -eq 0 ]; then
		echo "ok vet $1"
		passed=$((passed + 1))
	else
		echo "FAIL vet $1"
		sed 's/^/    /' "$tmp/out"
		failed=$((failed + 1))
	fi
}
silent()                        # file
{
	$vet "$1" -- -I/usr/include/libxml2 >"$tmp/out" 2>&1 && [ ! -s "$tmp/out" ]
}
# Not where the headers of another library that it includes are not installed.
can_be_checked()                # file
{
	${CC:-cc} -Iinclude -I/usr/include/libxml2 -E "$1" >"$tmp/out" 2>&1
}
compiles()                      # file
{
	${CC:-cc} -std=gnu11 -Wall -Wextra -fexceptions -Iinclude -fsyntax-only "$1" \
		>"$tmp/out" 2>&1 && [ ! -s "$tmp/out" ]
}

for c in tests/vet/bad/*.c; do
	compiles "$c"
	result "compiles $(basename "$c" .c)" $?
	$vet "$c" >"$tmp/said" 2>"$tmp/out"
	status=$?
	awk -F: '{ print $1 ":" $2 ":" $3 }' "$tmp/said" | sort -u >"$tmp/found"
	awk '/\/\/ vet: / { print FILENAME ":" FNR ": " $NF }' "$c" | sort -u >"$tmp/wanted"
	diff "$tmp/wanted" "$tmp/found" >>"$tmp/out" && [ $status -eq 1 ] && [ -s "$tmp/wanted" ]
	result "finds $(basename "$c" .c)" $?
done
for c in tests/vet/good/*.c; do
	compiles "$c"
	result "compiles good/$(basename "$c" .c)" $?
	silent "$c"
	result "is silent about good/$(basename "$c" .c)" $?
done
for c in $(find examples -name '*.c' | sort) tests/tour/tour.c; do
	can_be_checked "$c" || continue
	silent "$c"
	result "is silent about $c" $?
done

# Each rule has a sample.
sed -n 's/^    "\([a-z-]*\)": .*/\1/p' tools/vet/rules.py | sort >"$tmp/rules"
cat tests/vet/bad/*.c | sed -n 's/.*\/\/ vet: //p' | sort -u | diff "$tmp/rules" - >"$tmp/out"
result "has a sample of each rule" $?

fails()                         # text, command...: status 2 and that text
{
	text=$1
	shift
	"$@" >"$tmp/out" 2>&1
	[ $? -eq 2 ] && grep -q "$text" "$tmp/out"
}
echo 'int main(void) { return x; }' >"$tmp/wrong.c"
fails 'undeclared identifier' $vet "$tmp/wrong.c"
result "says why it cannot check a file" $?
fails 'no such file' $vet "$tmp/missing.c"
result "says that a file is missing" $?
fails 'usage: ' $vet
result "says how it is used" $?
fails 'is not installed' env CLANG=no-such-clang $vet tests/tour/tour.c
result "says that clang is missing" $?
printf '#include <millrace.h>\nint main(void) { return SEVEN; }\n' >"$tmp/flags.c"
$vet "$tmp/flags.c" -- -DSEVEN=7 >"$tmp/out" 2>&1 && [ ! -s "$tmp/out" ]
result "passes flags on" $?

echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
