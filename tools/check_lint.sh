#!/bin/sh
# check_lint.sh clang-tidy|cppcheck [FILE...] - a static analyser over each file of src/;
# a warning is a failure. With no FILE it is also shown a planted bug, which it must find.
cd "$(dirname "$0")/.." || exit 2
tool=$1
shift

one()                           # file: prints the warnings, fails if there are any
{
	case $tool in
	clang-tidy)
		clang-tidy --quiet --warnings-as-errors='*' "$1" -- -std=gnu11 -Isrc -Iinclude \
			-DMRI_DEV -fexceptions -pthread 2>&1 | grep -v 'warnings generated' ;;
	cppcheck)
		# It does not see that `for (;;) park();` does not return, nor through
		# unlikely(): no guesses at NULL and at what is set; clang-tidy follows the
		# paths.
		cppcheck --quiet --enable=warning,portability --inline-suppr --std=c11 \
			--suppress=nullPointerRedundantCheck --suppress=ctunullpointer \
			--suppress=ctuuninitvar --suppress=nullPointer:src/rt/stack.h \
			-Isrc -Iinclude -D__GNUC__=12 \
			-D__x86_64__ -D__linux__ -DMRI_DEV "$1" 2>&1 ;;
	esac >"$log.$2"
	! grep -qE '(warning|error|portability):' "$log.$2"
}

log=$(mktemp) || exit 2
planted=$(mktemp --suffix=.c) || exit 2
trap 'rm -f "$log"* "$planted"' EXIT
passed=0 failed=0
ok() { echo "ok $tool $1"; passed=$((passed + 1)); }
fail() { echo "FAIL $tool $1"; failed=$((failed + 1)); }

if [ $# -eq 0 ]; then
	cat >"$planted" <<'END'
#include <stdlib.h>
int f(int n);
int f(int n)
{
	int *p = malloc(sizeof *p);
	if (!p)
		return 0;
	*p = n;
	return *p;
}
END
	if one "$planted" planted; then fail "finds a leak"
	else ok "finds a leak"; fi
	set -- src/*/*.c
fi
for f; do
	if one "$f" x; then ok "$f"; else fail "$f"; cat "$log.x"; fi
done
echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
