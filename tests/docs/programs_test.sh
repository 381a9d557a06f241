#!/bin/sh
# programs_test.sh - every program in the documents compiles without a warning, runs, and
# prints what the document says.
#
# A block of ```c is a program; the block of ```text right after it, if there is one, is
# its output. A comment <!-- status 2 --> before it says how it ends, if not with 0.
cd "$(dirname "$0")/../.." || exit 1
BUILD=${BUILD:-build/cc-release}
passed=0 failed=0
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT

# Write each program of a document to DIR/N.c, its output to DIR/N.out, its status to
# DIR/N.status.
split()
{
	awk -v dir="$2" '
	/^<!-- status [0-9]+ -->$/ { status = $3 }
	/^```/ {
		if (inside) {
			close(file)
			if (!is_text) after_c = NR
			inside = 0
		} else {
			is_text = $0 == "```text"
			if ($0 == "```c") {
				file = dir "/" ++n ".c"
				print status + 0 >(dir "/" n ".status")
				status = 0
			} else if (is_text && n && NR == after_c + 1) {
				file = dir "/" n ".out"
				printf "" >file
			} else file = "/dev/null"
			inside = 1
		}
		next
	}
	inside { print >file }' "$1"
}

lib=$BUILD/libmillrace.a
flags="-std=gnu11 -O1 -Wall -Wextra -Wshadow -Werror -fexceptions -pthread -Iinclude"
case $BUILD in
*-asan*) flags="$flags -fsanitize=address,undefined" ;;
*-tsan*) flags="$flags -fsanitize=thread" ;;
*-race*) flags="$flags -fsanitize=thread" lib=$BUILD/libmillrace_race.a ;;
esac

for doc in ${DOCS:-README.md docs/GUIDE.md docs/MEMORY_MODEL.md}; do
	rm -f "$tmp"/*
	split "$doc" "$tmp"
	for program in "$tmp"/*.c; do
		n=$(basename "$program" .c)
		[ -f "$program" ] || continue
		if ! ${CC:-cc} $flags -o "$tmp/program" "$program" "$lib" \
			-lm >"$tmp/said" 2>&1; then
			why="does not compile"
		else
			timeout 60 "$tmp/program" >"$tmp/got" 2>"$tmp/said" </dev/null
			status=$?
			why=
			[ $status -eq "$(cat "$tmp/$n.status")" ] || why="status $status"
			[ ! -f "$tmp/$n.out" ] || diff -u "$tmp/$n.out" "$tmp/got" >>"$tmp/said" ||
				why="prints something else"
		fi
		if [ -z "$why" ]; then
			passed=$((passed + 1))
			echo "ok docs $doc program $n"
		else
			failed=$((failed + 1))
			echo "FAIL docs $doc program $n: $why"
			cat "$tmp/said"
		fi
	done
done
echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
