#!/bin/sh
# scale.sh - what the number of goroutines, channels, timers and procs does to ns/op, in
# millrace and in Go: writes docs/scale/scale.json, a plot of each series beside it, and
# the tables of docs/SCALE.md.
#
# BENCH ROUNDS MS LIMIT NOGO   as in run.sh; 3 rounds, of 100 ms at least
# MAX                          leave out larger sizes
# OUT                          a folder to write to instead of docs/scale; SCALE.md is
#                              then left alone
set -u
LC_ALL=C; export LC_ALL
here=$(cd "$(dirname "$0")" && pwd)
bench=${BENCH:-build/cc-release/bench/bench}
rounds=${ROUNDS:-3}
case $bench in /*) ;; *) bench=$PWD/$bench ;; esac
[ -x "$bench" ] || { echo "scale.sh: no program $bench" >&2; exit 1; }
out=${OUT:-$here/../docs/scale}
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
trap 'exit 130' HUP INT TERM
. "$here/peers.sh"
peers_build "$(dirname "$bench")/peers" Go
cat "$tmp/missing"
cpus=$(nproc)

# series NAME procs|size VALUE...: a line of JSON for each value and program.
series()
{
	name=$1 what=$2
	shift 2
	for v; do
		[ "$v" -le "${MAX:-$v}" ] || continue
		point "$v"
	done
}
point()
{
	procs=$cpus size=
	if [ "$what" = procs ]; then procs=$1; else size="-s $1"; fi
	export GOMAXPROCS="$procs" MILLRACE="procs=$procs"
	: >"$tmp/values"
	round=0
	while [ $round -lt "$rounds" ]; do
		round=$((round + 1))
		while IFS='	' read -r who program; do
			grep -q "^$who -" "$tmp/values" || once "$who" "$program"
		done <"$tmp/programs"
	done
	cut -f1 "$tmp/programs" | while read -r who; do
		grep "^$who " "$tmp/values" | sort -k2,2n |
			awk -v name="$name" -v x="$1" -f "$here/report/point.awk"
	done | tee -a "$tmp/results"
}
once()                          # WHO PROGRAM: "WHO ns", or "WHO -" if it went wrong
{
	if timeout "${LIMIT:-120}" "$2" -t "${MS:-100}" $size "$name" \
			>"$tmp/out" 2>"$tmp/err" &&
		awk -v name="$name" -f "$here/report/work.awk" \
			"$here/lines.txt" "$tmp/out"
	then
		awk '/^Benchmark/ { print $3 }' "$tmp/out" | sed "s/^/$1 /" \
			>>"$tmp/values"
	else
		echo "$1 -" >>"$tmp/values"
		echo "scale.sh: $1 $name $size, $procs procs went wrong" >&2
		head -n 5 "$tmp/err" >&2
	fi
}

: >"$tmp/results"
tens="1 10 100 1000 10000 100000"
series ScaleSpawn size $tens 1000000
series ScaleGoroutines size $tens 1000000
series ScaleChannels size $tens
series ScaleSelect size 2 4 8 16 32 64 128 256 512 1000
series ScaleTimers size $tens 1000000
for name in SpawnJoinBatch ChanBuffered4to4 Mutex8; do
	series $name procs 1 2 4 8 16 32 64
done

mkdir -p "$out"
results_write "\"ms\": ${MS:-100}" >"$out/scale.json"
series=$(sed -n 's/.*"series": "\([A-Za-z0-9]*\)".*/\1/p' "$out/scale.json" | uniq)
for name in $series; do
	"$here/report.sh" plot "$out/scale.json" "$name" >"$out/$name.svg"
done
[ -n "${OUT:-}" ] || "$here/report.sh" scale "$out/scale.json" |
	"$here/splice.sh" "$here/../docs/SCALE.md" scale docs/scale/scale.json
