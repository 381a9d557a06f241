#!/bin/sh
# bugs_test.sh - each program in tests/diag/bugs is a real bug; the detector that its
# comment names must report it, in the words that the comment gives. Compiled with FIXED
# it is the correction, on which no detector may say anything. All of it SEEDS times (3),
# at 1, 2 and 4 procs by turns; how often a bug was reported is in the table at the end.
#
#	deadlock, panic, map    always there; status 2
#	leak                    MILLRACE=leaks=exit; status 3
#	partial                 MILLRACE=deadlock=partial; status 2
#	race                    the race build; status 66
# The corrections run in the race build with both knobs set.
#
# Environment: BUILD, CC, MAKE, SEEDS, MR_FILTER. Runs in release builds.
cd "$(dirname "$0")/../.." || exit 1
CC=${CC:-cc} MAKE=${MAKE:-make} SEEDS=${SEEDS:-3}
BUILD=${BUILD:-build/$(basename "${CC%% *}")-release}
case $BUILD in
*-release*) ;;
*) echo "0 passed, 0 failed"; exit 0 ;;
esac
race=build/$(basename "${CC%% *}")-race
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
if ! echo 'int main(void) { return 0; }' |
	$CC -fsanitize=thread -x c - -o "$tmp/a" 2>/dev/null; then
	echo "skip bugs: $CC has no -fsanitize=thread"
	echo "0 passed, 0 failed, 1 skipped"
	exit 0
fi
# Of an outer make keep nothing: this is another build.
unset MAKEFLAGS MFLAGS MAKELEVEL
# One at a time: other tests want it as well.
mkdir -p build
flock build/lock "$MAKE" -s VARIANT=race CC="$CC" O="$race" "$race/libmillrace_race.a" \
	>"$tmp/log" 2>&1 || {
	cat "$tmp/log"
	echo "0 passed, 1 failed"
	exit 1
}
export CC BUILD SEEDS race tmp
export TSAN_OPTIONS="atexit_sleep_ms=0 $TSAN_OPTIONS"

# One bug. Prints its verdicts; leaves a line for the table in $tmp/NAME.row.
one='
	src=$1
	name=$(basename "$src" .c)
	value() { sed -n "s/^ \* $1: *//p" "$src" | sed "s| *\*/$||" | head -n 1; }
	detector=$(value Detector)
	says=$(value Says)
	from=$(value From)
	knob= lib=$BUILD/libmillrace.a sanitize=
	case $detector in
	deadlock|panic|map) want=2 ;;
	leak) want=3 knob=,leaks=exit ;;
	partial) want=2 knob=,deadlock=partial ;;
	race) want=66 lib=$race/libmillrace_race.a sanitize=-fsanitize=thread ;;
	*) echo "FAIL bug $name: no such detector: $detector"; exit ;;
	esac
	[ -n "$says" ] && [ -n "$from" ] || { echo "FAIL bug $name: no Says: or From:"; exit; }
	compile()
	{
		$CC -std=gnu11 -g -O1 -Wall -Wextra -Werror -fexceptions -pthread -Iinclude "$@" -lm
	}
	compile $sanitize -o "$tmp/$name.bad" "$src" "$lib" &&
	compile -fsanitize=thread -DFIXED -o "$tmp/$name.good" "$src" \
		"$race/libmillrace_race.a" || { echo "FAIL bug $name: does not compile"; exit; }
	seed=0 found=0 false=0
	while [ $((seed += 1)) -le "$SEEDS" ]; do
		case $((seed % 3)) in 0) procs=1 ;; 1) procs=2 ;; 2) procs=4 ;; esac
		MILLRACE=seed=$seed,procs=$procs$knob timeout 60 "$tmp/$name.bad" \
			>"$tmp/$name.bad.out" 2>&1
		if [ $? -eq $want ] && grep -qF -- "$says" "$tmp/$name.bad.out"; then
			found=$((found + 1))
		else
			cp "$tmp/$name.bad.out" "$tmp/$name.missed"
		fi
		MILLRACE=seed=$seed,procs=$procs,leaks=exit,deadlock=partial \
			timeout 60 "$tmp/$name.good" >"$tmp/$name.good.out" 2>&1
		status=$?
		if [ $status -ne 0 ] || [ -s "$tmp/$name.good.out" ]; then
			false=$((false + 1))
			{ echo "status $status"; cat "$tmp/$name.good.out"; } >"$tmp/$name.false"
		fi
	done
	if [ $found -gt 0 ]; then echo "ok bug $name is reported"
	else echo "FAIL bug $name is not reported"; cat "$tmp/$name.missed"; fi
	if [ $false -eq 0 ]; then echo "ok bug $name: its correction is silent"
	else echo "FAIL bug $name: $false false reports"; cat "$tmp/$name.false"; fi
	echo "$detector $name $found $false" >"$tmp/$name.row"
	rm -f "$tmp/$name.bad" "$tmp/$name.good"
'
for src in tests/diag/bugs/*.c; do
	case $src in *"${BUG:-}"*) echo "$src" ;; esac
done | xargs -P 2 -I{} sh -c "$one" sh {} >"$tmp/all" 2>&1
grep -v "^ok " "$tmp/all"

cat "$tmp"/*.row | awk -v seeds="$SEEDS" '
	{
		n[$1]++; runs[$1] += seeds; found[$1] += $3; once[$1] += $3 > 0
		fixed[$1] += seeds; wrong[$1] += $4
		if ($3 < seeds) some = some sprintf("  %-28s %2d of %d\n", $2, $3, seeds)
	}
	function row(d) {
		printf "%-10s %5d %6d %12s %14s\n", d, n[d], once[d],
			found[d] "/" runs[d], wrong[d] "/" fixed[d]
		N += n[d]; O += once[d]; F += found[d]; R += runs[d]; W += wrong[d]; X += fixed[d]
	}
	END {
		printf "%-10s %5s %6s %12s %14s\n", "detector", "bugs", "found", "runs found", "false reports"
		row("deadlock"); row("panic"); row("map"); row("leak"); row("partial"); row("race")
		printf "%-10s %5d %6d %12s %14s\n", "all", N, O, F "/" R, W "/" X
		if (some) printf "not in every run:\n%s", some
	}'
passed=$(grep -c "^ok " "$tmp/all")
failed=$(grep -c "^FAIL " "$tmp/all")
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
