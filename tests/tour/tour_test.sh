#!/bin/sh
# tour_test.sh - the tour as a program of its own, at 1, 2 and 8 procs: status 0, nothing
# on stderr, and on stdout what tests/tour/tour.c says, the order left to the goroutines.
# That start() waits 100 ms for four goroutines is the tour's own; if they take longer
# their lines still come before main returns, which is half a dozen parts later. The three
# workers of cancellation() are waited for by nobody: main may return before they have
# noticed, so each line of theirs comes once or not at all. (tests/api/tour_test.c waits.)
cd "$(dirname "$0")/../.." || exit 1
tour=${BUILD:-build/cc-release}/tests/tour/tour
passed=0
failed=0
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT

cat >"$tmp/expected" <<'END'
0
0 0
1
1
1
16
2
2
25
3
4
4
5
9
all done
hello from goroutine
main
nothing ready
recovered: close of closed channel
sent to ch3
worker 1
worker 2
worker 3
worker 4
worker 5
END

for procs in 1 2 8; do
	MILLRACE=procs=$procs "$tour" >"$tmp/out" 2>"$tmp/err"
	status=$?
	late='^worker [012] canceled: context canceled$'
	grep -v "$late" "$tmp/out" | LC_ALL=C sort >"$tmp/sorted"
	twice=$(grep "$late" "$tmp/out" | sort | uniq -d)
	if [ $status -eq 0 ] && [ ! -s "$tmp/err" ] && [ -z "$twice" ] &&
	   cmp -s "$tmp/sorted" "$tmp/expected"; then
		passed=$((passed + 1))
		echo "ok tour procs=$procs"
	else
		failed=$((failed + 1))
		echo "FAIL tour procs=$procs: status $status"
		diff "$tmp/expected" "$tmp/sorted"
		cat "$tmp/err"
	fi
done
echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
