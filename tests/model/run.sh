#!/bin/sh
# run.sh build-dir filter options... programs... - run the model tests, add them up.
b=$1 filter=$2
shift 2
opts=
while [ $# -gt 0 ]; do
	case $1 in
	--quick) opts="$opts $1"; shift ;;
	--*) opts="$opts $1 $2"; shift 2 ;;
	*) break ;;
	esac
done
[ -z "$filter" ] || opts="$opts --only $filter"
passed=0 failed=0
for prog; do
	# shellcheck disable=SC2086
	"$prog" $opts >"$b/log" 2>&1
	rc=$?
	sum=$(tail -n 1 "$b/log")
	sed '$d' "$b/log"
	case $sum in
	*" passed, "*" failed")
		passed=$((passed + ${sum%% *}))
		sum=${sum#* passed, }
		failed=$((failed + ${sum%% *})) ;;
	*)
		echo "FAIL $prog: exit status $rc: $sum"
		failed=$((failed + 1)) ;;
	esac
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
