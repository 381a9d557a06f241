#!/bin/sh
# race_test.sh - each tests/race/NAME.c has a data race, on the lines marked RACE, and
# none when compiled with FIXED. The race library must report the one, naming all the
# marked lines, and exit with 66; and be silent about the other: on one processor, where
# nothing runs at the same time, and on two. Those in tests/race/other/ say themselves
# what is expected: a status, and a text on stderr.
#
# Environment: BUILD, CC, MAKE, MR_FILTER. Runs in the race build and in release builds.
CC=${CC:-cc} MAKE=${MAKE:-make}
case $BUILD in
*-race*) lib=$BUILD ;;
*-release) lib=build/$(basename "${CC%% *}")-race ;;
*) echo "0 passed, 0 failed"; exit 0 ;;
esac
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
if ! echo 'int main(void) { return 0; }' | $CC -fsanitize=thread -x c - -o "$tmp/a" 2>/dev/null; then
	echo "skip race: $CC has no -fsanitize=thread"
	echo "0 passed, 0 failed, 1 skipped"
	exit 0
fi
# Of an outer make keep nothing: this is another build.
unset MAKEFLAGS MFLAGS MAKELEVEL
# One at a time: other tests want it as well.
mkdir -p build
flock build/lock "$MAKE" -s VARIANT=race CC="$CC" "$lib/libmillrace_race.a" O="$lib" \
	>"$tmp/log" 2>&1 || {
	cat "$tmp/log"
	echo "0 passed, 1 failed"
	exit 1
}
export CC lib tmp
export TSAN_OPTIONS="atexit_sleep_ms=0 $TSAN_OPTIONS"

one='
	src=$1
	name=$(basename "$src" .c)
	verdict()                       # what, why it failed or ""
	{
		if [ -z "$2" ]; then echo "ok race $name $1"
		else echo "FAIL race $name $1: $2"; [ ! -f "$out" ] || cat "$out"; fi
	}
	compile()
	{
		$CC -std=gnu11 -g -Wall -Wextra -fexceptions -fsanitize=thread -pthread -Iinclude \
			"$@" "$src" "$lib/libmillrace_race.a" -lm
	}
	out=
	case $src in
	*/other/*)
		want=$(sed -n "1s|^/\* expect \([0-9]*\): .*|\1|p" "$src")
		text=$(sed -n "1s|^/\* expect [0-9]*: \(.*\) \*/|\1|p" "$src")
		compile -o "$tmp/$name" || { verdict builds "it does not compile"; exit; }
		out=$tmp/$name.out
		timeout 120 "$tmp/$name" >"$out" 2>&1
		status=$?
		[ $status -eq "$want" ] && grep -qF "$text" "$out" && status=
		verdict "says what it should" "${status:+status $status, or not this: $text}"
		exit ;;
	esac
	compile -o "$tmp/$name.bad" && compile -DFIXED -o "$tmp/$name.good" ||
		{ verdict builds "it does not compile"; exit; }
	for procs in 1 2; do
		out=$tmp/$name.$procs
		MILLRACE=procs=$procs timeout 60 "$tmp/$name.bad" >"$out" 2>&1
		status=$?
		why=
		[ $status -eq 66 ] || why="status $status"
		for line in $(grep -n "/\* RACE \*/" "$src" | cut -d: -f1); do
			grep -q "$name\.c:$line\b" "$out" || why="$why line $line is not named"
		done
		verdict "is reported, procs=$procs" "$why"
		MILLRACE=procs=$procs timeout 60 "$tmp/$name.good" >"$out" 2>&1
		status=$?
		why=
		[ $status -eq 0 ] || why="status $status"
		[ ! -s "$out" ] || why="$why it says something"
		verdict "is silent when fixed, procs=$procs" "$why"
	done
'
for src in tests/race/*.c tests/race/other/*.c; do
	echo "$src"
done | xargs -P 2 -I{} sh -c "$one" sh {} >"$tmp/results" 2>&1
cat "$tmp/results"
passed=$(grep -c '^ok ' "$tmp/results")
failed=$(grep -c '^FAIL ' "$tmp/results")
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
