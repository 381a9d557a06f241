#!/bin/sh
# run.sh [name...] - run the benchmarks beside the same in Go and print a table.
#
# BENCH    the program (bench.c and friends); the default is the release build's
# ROUNDS   runs of each, C and Go by turns, so that drift of the machine hits both: 5
# PROCS    the numbers of procs: "1 2"
# NOGO     if set, leave Go out; it is left out anyway where there is none
# RAW      a file to append every line of output to (benchstat reads it)
#
# Each run is a process of its own. Printed are medians and, in brackets, least and most.
# ratio is millrace / Go: under 1, millrace is faster or smaller. On a busy machine (the
# load is in the first line) only the ratio means something.
set -u
LC_ALL=C; export LC_ALL
here=$(cd "$(dirname "$0")" && pwd)
bench=${BENCH:-build/cc-release/bench/bench}
rounds=${ROUNDS:-5}
raw=${RAW:-/dev/null}
case $bench in /*) ;; *) bench=$PWD/$bench ;; esac
if [ ! -x "$bench" ]; then
	echo "run.sh: no program $bench (make bench builds it)" >&2
	exit 1
fi

go=
if [ -z "${NOGO:-}" ] && command -v go >/dev/null; then
	go=$(dirname "$bench")/go-bench
	(cd "$here/peers/go" && GOTOOLCHAIN=local GOFLAGS= go build -o "$go" .) || exit 1
fi
names=$("$bench" -l "$@") || exit 1
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
trap 'exit 130' HUP INT TERM

# one C|Go PROGRAM NAME PROCS: append "C|Go value unit" lines to $tmp/values. A run that
# fails or hangs is a line too: nothing is left out of the table for having gone wrong.
one()
{
	GOMAXPROCS=$4 MILLRACE=procs=$4${MILLRACE:+,$MILLRACE} timeout 120 "$2" "$3" \
		>"$tmp/out" 2>"$tmp/err"
	status=$?
	if [ $status -eq 124 ]; then
		echo "$1 hung" >>"$tmp/values"
	elif [ $status -ne 0 ]; then
		echo "$1 failed" >>"$tmp/values"
		echo "$1 $3, $4 procs: status $status" >>"$tmp/failures"
		head -n 20 "$tmp/err" >>"$tmp/failures"
	else
		awk -v who="$1" '/^Benchmark/ {
			for (i = 3; i < NF; i += 2) print who, $i, $(i + 1)
		}' "$tmp/out" >>"$tmp/values"
		sed "s,^Benchmark,Benchmark$1/," "$tmp/out" >>"$raw"
	fi
}

# The rows of one benchmark, one a unit.
cat >"$tmp/rows.awk" <<'AWK'
function number(v) { return sprintf(v < 100 ? "%.1f" : "%.0f", v) }
function median(who, unit,    n, i, j, t, a)
{
	n = count[who, unit]
	for (i = 1; i <= n; i++) {
		t = value[who, unit, i]
		for (j = i - 1; j > 0 && a[j] > t; j--) a[j + 1] = a[j]
		a[j + 1] = t
	}
	least = a[1]; most = a[n]
	return n % 2 ? a[(n + 1) / 2] : (a[n / 2] + a[n / 2 + 1]) / 2
}
function cell(who, unit,    m, scale, name)
{
	if (bad[who]) return sprintf("%10s %-15s", bad[who], "")
	if (!count[who, unit]) return sprintf("%10s %-15s", "-", "")
	m = median(who, unit)
	scale = unit == "ns/op" && m >= 1e6 ? 1e6 : 1
	name = scale > 1 ? " ms" : unit == "ns/op" ? " ns" : ""
	return sprintf("%10s %-15s", number(m / scale) name,
		"(" number(least / scale) "-" number(most / scale) ")")
}
$2 == "hung" || $2 == "failed" { bad[$1] = $2; next }
{
	if (!($3 in seen)) { seen[$3]; order[++units] = $3 }
	value[$1, $3, ++count[$1, $3]] = $2 + 0
}
END {
	if (!units) order[++units] = "ns/op"
	for (u = 1; u <= units; u++) {
		unit = order[u]
		ratio = "-"
		if (count["C", unit] && count["Go", unit] && !bad["C"] && !bad["Go"])
			ratio = sprintf("%.2f",
				median("C", unit) / (median("Go", unit) + 1e-9))
		row = name (unit == "ns/op" ? "" : " " unit)
		printf "%-26s %5s %s %s %5s\n", row, procs, cell("C", unit),
			cell("Go", unit), ratio
	}
}
AWK

cpu=$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo 2>/dev/null | head -n 1)
echo "# $(uname -srm), $(nproc) CPUs, $cpu, load $(cut -d' ' -f1 /proc/loadavg 2>/dev/null)"
echo "# medians of $rounds runs (least-most)${go:+; $(go version)}"
printf '%-26s %5s %10s %-15s %10s %-15s %5s\n' benchmark procs millrace '' Go '' ratio
for name in $names; do
	for procs in ${PROCS:-1 2}; do
		: >"$tmp/values"
		round=0
		while [ $round -lt "$rounds" ]; do
			round=$((round + 1))
			one C "$bench" "$name" "$procs"
			[ -z "$go" ] || one Go "$go" "$name" "$procs"
			if grep -q 'hung\|failed' "$tmp/values"; then break; fi
		done
		awk -v name="$name" -v procs="$procs" -f "$tmp/rows.awk" "$tmp/values"
	done
done
[ -f "$tmp/failures" ] || exit 0
echo
cat "$tmp/failures"
exit 1
