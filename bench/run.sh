#!/bin/sh
# run.sh [name...] - run the benchmarks beside the same in other systems, by turns, print
# a table and write the results.
#
# BENCH    the program (bench.c and friends); the default is the release build's
# ROUNDS   runs of each program, all by turns, so that drift of the machine hits all: 5
# PROCS    the numbers of procs: "1 2"
# PEERS    who to compare with: "Go Tokio Boost.Fiber libst pthreads"; NAME=PROGRAM adds
#          one that is built already. What is not installed is named and left out
# NOGO     if set, leave Go out
# MS       how long a measured call takes at least: 300
# LIMIT    seconds after which a run counts as hung: 60
# WITH     "foreign", "hog" or both: bench.h
# RAW      a file to append every line of output to (benchstat reads it)
# OUT      results go to bench/results/OUT.json and .svg; by default DATE-COMMIT when all
#          benchmarks are run, and nowhere when only some are
#
# Each run is a process of its own. Printed are the median, half of the distance between
# the least and the most in per cent of it, and the ratio millrace / peer: under 1,
# millrace is faster or smaller. "-": the peer has it not. "fails", "hung", "wrong" (it
# did not do the work that lines.txt asks for): no figure. On a busy machine (the load is
# in the first line) only the ratio means something.
set -u
LC_ALL=C; export LC_ALL
here=$(cd "$(dirname "$0")" && pwd)
bench=${BENCH:-build/cc-release/bench/bench}
rounds=${ROUNDS:-5}
raw=${RAW:-/dev/null}
more=${MILLRACE:+,$MILLRACE}
case $bench in /*) ;; *) bench=$PWD/$bench ;; esac
if [ ! -x "$bench" ]; then
	echo "run.sh: no program $bench (make bench builds it)" >&2
	exit 1
fi
names=$("$bench" -l "$@") || exit 1
with=
for w in ${WITH:-}; do with="$with -w $w"; done
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
trap 'exit 130' HUP INT TERM

# ---- who is there ----
. "$here/peers.sh"
peers_build "$(dirname "$bench")/peers" ${PEERS:-Go Tokio Boost.Fiber libst pthreads}

program_of() { sed -n "s|^$1	||p" "$tmp/programs"; }

# one WHO NAME PROCS: append "WHO value unit" lines to $tmp/values; "WHO hung|fails|wrong"
# if it went wrong: nothing is left out of the table for that.
one()
{
	program=$(program_of "$1")
	has_it=$("$program" -l "$2" 2>/dev/null)
	[ "$has_it" = "$2" ] || return 0
	extra=
	if [ "$1" = millrace ]; then extra=$with
	elif [ "$1" = Go ]; then case $with in *hog*) extra="-w hog" ;; esac; fi
	timeout "${LIMIT:-60}" "$program" -t "${MS:-300}" $extra "$2" \
		>"$tmp/out" 2>"$tmp/err"
	status=$?
	if [ $status -eq 124 ]; then
		went_wrong "$1" hung "$2, $3 procs: more than ${LIMIT:-60} s"
	elif [ $status -ne 0 ] || ! grep -q '^Benchmark' "$tmp/out"; then
		went_wrong "$1" fails "$2, $3 procs: status $status"
		head -n 20 "$tmp/err" >>"$tmp/failures"
	elif ! why=$(awk -v name="$2" -f "$here/report/work.awk" "$here/lines.txt" \
			"$tmp/out"); then
		went_wrong "$1" wrong "$2, $3 procs: $why"
	else
		awk -v who="$1" '/^Benchmark/ {
			for (i = 3; i < NF; i += 2)
				if ($(i + 1) != "work") print who, $i, $(i + 1)
		}' "$tmp/out" >>"$tmp/values"
		sed "s,^Benchmark,Benchmark$1/," "$tmp/out" >>"$raw"
	fi
}
went_wrong()
{
	echo "$1 $2" >>"$tmp/values"
	echo "$1 $2: $3" >>"$tmp/failures"
	[ "$1" != millrace ] || : >"$tmp/ours"
}

# ---- the run ----
everybody=$(cut -f1 "$tmp/programs")
cpu=$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo 2>/dev/null | head -n 1)
load=$(cut -d' ' -f1 /proc/loadavg 2>/dev/null)
echo "# $(uname -srm), $(nproc) CPUs, $cpu, load $load${WITH:+, with $WITH}"
cut -f2- "$tmp/versions" | sed 's/^/# /'
cat "$tmp/missing"
echo "# medians of $rounds runs, their spread, millrace / peer"
echo "$everybody" | awk '
	NR == 1 { printf "%-34s %5s %17s", "benchmark", "procs", $1; next }
	{ printf "%24s", $1 }
	END { print "" }'
: >"$tmp/results"
for name in $names; do
	for procs in ${PROCS:-1 2}; do
		: >"$tmp/values"
		export BENCH_PROCS="$procs" GOMAXPROCS="$procs"
		export MILLRACE="procs=$procs$more"
		round=0
		while [ $round -lt "$rounds" ]; do
			round=$((round + 1))
			for who in $everybody; do
				grep -q "^$who [hfw]" "$tmp/values" ||
					one "$who" "$name" "$procs"
			done
		done
		awk -v name="$name" -v procs="$procs" -v all="$(echo $everybody)" \
			-v json="$tmp/results" -f "$here/report/rows.awk" "$tmp/values"
	done
done
if [ -f "$tmp/failures" ]; then echo; cat "$tmp/failures"; fi

# ---- the results ----
[ $# -gt 0 ] || out=$(date +%Y-%m-%d)-$(commit_of)
out=${OUT:-${out:-}}
if [ -n "$out" ]; then
	case $out in */*) ;; *) out=$here/results/$out ;; esac
	out=${out%.json}
	more="\"ms\": ${MS:-300}, \"load\": ${load:-0}, \"with\": \"${WITH:-}\""
	results_write "$more" >"$out.json" &&
		"$here/report.sh" ratios "$out.json" >"$out.svg" || exit 1
	echo
	echo "written: $out.json $out.svg"
fi
[ ! -f "$tmp/ours" ]
