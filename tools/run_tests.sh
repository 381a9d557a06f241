#!/bin/sh
# run_tests.sh FILTER REPEAT PROGRAM... - run test programs and add up their results.
#
# A program ends with a line "N passed, N failed[, N skipped]"; one that does not, or
# ends badly without a failed test, counts as one failure. Binaries are given the
# filter; a script runs if its name contains it. MR_TEST_JOBS programs run at once (2);
# MR_TEST_RUNNER is what starts a binary of another CPU.
# What a program prints is shown in full with a filter, else only what is not "ok".

filter=$1
repeat=$2
shift 2
logs=$(mktemp -d) || exit 1
trap 'rm -rf "$logs"' EXIT
trap 'exit 130' INT TERM HUP

export MR_FILTER="$filter" MR_REPEAT="$repeat" MR_LOGS="$logs"

# One program. The summary of its results is left in $logs, for the sum.
run_one='
	prog=$1
	log=$MR_LOGS/log$(echo "$prog" | tr / _)
	case $prog in
	*.sh)
		case $prog in
		*"$MR_FILTER"*) ;;
		*) echo "0 passed, 0 failed" >"$log.sum"; exit 0 ;;
		esac
		"$prog" >"$log" 2>&1 ;;
	*)
		$MR_TEST_RUNNER "./$prog" --filter="$MR_FILTER" --repeat="$MR_REPEAT" >"$log" 2>&1 ;;
	esac
	status=$?
	sum=$(tail -n 1 "$log" | grep -E "^[0-9]+ passed, [0-9]+ failed(, [0-9]+ skipped)?$")
	if [ -z "$sum" ]; then
		echo "FAIL $prog: status $status, no summary" >>"$log"
		sum="0 passed, 1 failed"
	elif [ $status -ne 0 ] && case $sum in *" 0 failed"*) true ;; *) false ;; esac; then
		echo "FAIL $prog: status $status without a failed test" >>"$log"
		sum="0 passed, 1 failed"
	fi
	echo "$sum" >"$log.sum"
	{
		case $sum in
		"0 passed, 0 failed") ;;
		*)
			echo "$prog: $sum"
			if [ -n "$MR_FILTER" ]; then cat "$log"; else grep -v "^ok " "$log"; fi |
				grep -vxF "$sum" | sed "s/^/    /" ;;
		esac
	} >"$log.show"
	cat "$log.show"
'
[ $# -eq 0 ] || printf '%s\n' "$@" | xargs -P "${MR_TEST_JOBS:-2}" -I{} sh -c "$run_one" sh {}

cat /dev/null "$logs"/*.sum 2>/dev/null | awk -v programs=$# '
	{ p += $1; f += $3; s += $5 }
	END {
		if (NR != programs) { print "FAIL: results of " NR " of " programs " programs"; f++ }
		if (p + f + s == 0) { print "no test matches"; f = 1 }
		printf "%d passed, %d failed%s\n", p, f, s ? ", " s " skipped" : ""
		exit f != 0
	}'
