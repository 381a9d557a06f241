#!/bin/sh
# scale.sh - what the number of goroutines, channels, timers and procs does to ns/op, in
# millrace and in Go: writes docs/scale/scale.json, a plot of each series beside it, and
# the tables of docs/SCALE.md.
#
# BENCH ROUNDS MS LIMIT NOGO   as in run.sh; 3 rounds, of 100 ms at least
# MAX                          leave out larger sizes
# OUT                          a folder to write to instead of docs/scale; SCALE.md is then
#                              left alone
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
		grep "^$who " "$tmp/values" | sort -k2,2n | awk -v name="$name" -v x="$1" '
			{ v[NR] = $2 }
			END {
				m = NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2
				printf "{\"series\": \"%s\", \"x\": %d, \"peer\": \"%s\", ", name, x, $1
				if (v[1] == "-") print "\"went\": \"wrong\"}"
				else printf "\"median\": %.6g, \"least\": %.6g, \"most\": %.6g}\n",
					m, v[1], v[NR]
			}'
	done | tee -a "$tmp/results"
}
once()                          # WHO PROGRAM: "WHO ns", or "WHO -" if it went wrong
{
	if timeout "${LIMIT:-120}" "$2" -t "${MS:-100}" $size "$name" >"$tmp/out" 2>"$tmp/err" &&
		awk -v name="$name" -f "$here/work.awk" "$here/lines.txt" "$tmp/out"; then
		awk -v who="$1" '/^Benchmark/ { print who, $3 }' "$tmp/out" >>"$tmp/values"
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

cpu=$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo 2>/dev/null | head -n 1)
commit=$(git -C "$here" rev-parse --short HEAD 2>/dev/null || echo unknown)
mkdir -p "$out"
{
	echo '{'
	echo "\"machine\": {\"kernel\": \"$(uname -srm)\", \"cpu\": \"$cpu\", \"cores\": $cpus},"
	echo "\"run\": {\"date\": \"$(date -u +%Y-%m-%d)\", \"commit\": \"$commit\"," \
		"\"rounds\": $rounds, \"ms\": ${MS:-100}},"
	echo '"programs": ['
	awk -F'\t' '{ printf "%s{\"peer\": \"%s\", \"version\": \"%s\"}", sep, $1, $2
		sep = ",\n" } END { print "" }' "$tmp/versions"
	echo '],'
	echo '"results": ['
	sed '$!s/$/,/' "$tmp/results"
	echo ']'
	echo '}'
} >"$out/scale.json"
for name in $(sed -n 's/.*"series": "\([A-Za-z0-9]*\)".*/\1/p' "$out/scale.json" | uniq); do
	"$here/plot.sh" "$out/scale.json" "$name" >"$out/$name.svg"
done
[ -n "${OUT:-}" ] || "$here/scale_table.sh" "$out/scale.json" |
	"$here/splice.sh" "$here/../docs/SCALE.md" scale docs/scale/scale.json
