#!/bin/sh
# check_runner.sh - the runners lose no failure: run_tests.sh, stages.sh and
# run_examples.sh are given programs that go wrong in each way, and must say so.
cd "$(dirname "$0")/.." || exit 2
root=$PWD
tmp=$(mktemp -d) || exit 2
trap 'rm -rf "$tmp"' EXIT
passed=0 failed=0

program()                       # name, status, what it prints
{
	printf '#!/bin/sh\ncat <<END\n%s\nEND\nexit %s\n' "$3" "$2" >"$tmp/$1"
	chmod +x "$tmp/$1"
}
expect()                        # name, status, last line, what was printed
{
	if [ "$status" -eq "$2" ] && [ "$(printf '%s\n' "$4" | tail -n 1)" = "$3" ]
	then echo "ok runner $1"; passed=$((passed + 1))
	else
		echo "FAIL runner $1: status $status, expected $2 and '$3'; it printed:"
		printf '%s\n' "$4"
		failed=$((failed + 1))
	fi
}
tests()                         # name, status, last line, filter, programs
{
	name=$1 want=$2 line=$3 filter=$4
	shift 4
	out=$(cd "$tmp" && env -u MR_TEST_RUNNER MR_TEST_JOBS=1 "$root/tools/run_tests.sh" "$filter" 1 "$@" 2>&1)
	status=$?
	expect "$name" "$want" "$line" "$out"
}

program good.sh 0 "ok a b (1 ms)
3 passed, 0 failed, 1 skipped"
program binary 0 "2 passed, 0 failed"
program failing.sh 1 "FAIL a b (1 ms)
1 passed, 1 failed"
program silent.sh 0 "no summary"
program liar.sh 3 "5 passed, 0 failed"
program not_last.sh 0 "5 passed, 0 failed
and then it went on"

tests "adds up what passed" 0 "5 passed, 0 failed, 1 skipped" "" ./good.sh binary
tests "sees a failure" 1 "4 passed, 1 failed, 1 skipped" "" ./good.sh ./failing.sh
tests "misses a summary" 1 "0 passed, 1 failed" "" ./silent.sh
tests "misses a summary at the end" 1 "0 passed, 1 failed" "" ./not_last.sh
tests "sees a status" 1 "2 passed, 1 failed" "" ./liar.sh binary
tests "sees a program that is not there" 1 "2 passed, 1 failed" "" ./nothing.sh binary
tests "counts its programs" 1 "2 passed, 1 failed" "" binary binary
tests "sees that no test matches" 1 "0 passed, 1 failed" zz ./good.sh
tests "runs the scripts that match" 0 "3 passed, 0 failed, 1 skipped" good ./good.sh ./failing.sh

out=$(LOGS=$tmp/logs; . tools/stages.sh
	stage good "$tmp/good.sh"; stage failing "$tmp/failing.sh"; stage silent "$tmp/silent.sh"
	stage liar "$tmp/liar.sh"; skip tool "not here"; finish)
status=$?
expect "adds up stages" 1 "4 passed, 3 failed, 1 skipped" "$out"
program make.sh 2 "1 passed, 1 failed
make: *** [Makefile:1: test] Error 1"
program slow.sh 0 "2 passed, 0 failed"
sed -i 's/^exit.*/sleep 100/' "$tmp/slow.sh"
out=$(LOGS=$tmp/logs DEADLINE=$(($(date +%s) + 1)); . tools/stages.sh
	stage make "$tmp/make.sh"; stage slow "$tmp/slow.sh"; finish)
status=$?
expect "reads what make adds, and stops in time" 1 "1 passed, 2 failed" "$out"
out=$(LOGS=$tmp/logs; . tools/stages.sh
	stage good "$tmp/good.sh"; skip tool "not here"; finish)
status=$?
expect "passes good stages" 0 "3 passed, 0 failed, 1 skipped" "$out"

example()                       # name, last line, its comment, the script that it is
{
	mkdir -p "$tmp/ex/examples" "$tmp/ex/build/examples"
	printf '/* %s */\nint main(void) {}\n' "$3" >"$tmp/ex/examples/x.c"
	printf '#!/bin/sh\n%s\n' "$4" >"$tmp/ex/build/examples/x"
	chmod +x "$tmp/ex/build/examples/x"
	out=$(cd "$tmp/ex" && BUILD=build "$root/tools/run_examples.sh" 2>&1)
	status=$?
	case $2 in *" 0 failed") want=0 ;; *) want=1 ;; esac
	expect "example: $1" $want "$2" "$out"
}
output="x
 *
 * Output:
 * one
 * two"
example "the right output" "1 passed, 0 failed" "$output" "echo one; echo two"
example "a line is missing" "0 passed, 1 failed" "$output" "echo one"
example "another order" "0 passed, 1 failed" "$output" "echo two; echo one"
example "any order" "1 passed, 0 failed" "$(echo "$output" | sed 's/Output:/Output, in any order:/')" \
	"echo two; echo one"
example "a status" "0 passed, 1 failed" "$output" "echo one; echo two; exit 2"
example "something on stderr" "0 passed, 1 failed" "$output" "echo one; echo two; echo no >&2"
errors="x
 *
 * Status: 2
 * Run with: SAY=panic
 * Errors: panic: no"
example "the right status and error" "1 passed, 0 failed" "$errors" 'echo "$SAY: no" >&2; exit 2'
example "no status" "0 passed, 1 failed" "$errors" 'echo "$SAY: no" >&2'
example "another error" "0 passed, 1 failed" "$errors" 'echo "$SAY: yes" >&2; exit 2'

echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
