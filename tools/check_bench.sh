#!/bin/sh
# check_bench.sh - the tables in README.md and docs/SCALE.md are what the results that
# they name say; and what makes them works: of made-up programs, one that does not do its
# work, one that fails, one that hangs and one that is not there are told as such.
# Measures nothing and needs no peer.
cd "$(dirname "$0")/.." || exit 2
passed=0 failed=0
tmp=$(mktemp -d) || exit 2
trap 'rm -rf "$tmp"' EXIT
check()                         # name, a command
{
	name=$1
	shift
	if "$@" >"$tmp/said" 2>&1; then
		echo "ok bench $name"; passed=$((passed + 1))
	else
		echo "FAIL bench $name"; cat "$tmp/said"; failed=$((failed + 1))
	fi
}
not() { ! "$@"; }
says() { grep -q -- "$1" "$2" || { echo "no \"$1\" in:"; cat "$2"; false; }; }

# ---- the documents ----
source_of() { sed -n "s/^<!-- $2: \(.*\) -->\$/\1/p" "$1"; }
current()                       # document, name, generator
{
	file=$(source_of "$1" "$2")
	[ -f "$file" ] || { echo "$1 names no results: $file"; return 1; }
	bench/report.sh "$3" "$file" | bench/splice.sh -c "$1" "$2"
}
check "README.md is what its results say" current README.md bench table
if [ -f docs/scale/scale.json ]; then
	check "docs/SCALE.md is what its results say" \
		current docs/SCALE.md scale scale
	for svg in docs/scale/*.svg; do
		series=$(basename "$svg" .svg)
		bench/report.sh plot docs/scale/scale.json "$series" >"$tmp/svg"
		check "$svg is what its results say" cmp "$svg" "$tmp/svg"
	done
fi
sed '/^<!-- bench: /,/^<!-- end of bench/ s/| [0-9][0-9.,]* /| 987654321 /' README.md \
	>"$tmp/doc.md"
file=$(source_of README.md bench)
bench/report.sh table "$file" >"$tmp/table"
check "finds a figure that was changed" \
	not bench/splice.sh -c "$tmp/doc.md" bench <"$tmp/table"

# ---- lines.txt and the programs ----
names()                         # C files: what BENCH(...) they have
{
	sed -n 's/^BENCH(\([A-Za-z0-9]*\)).*/\1/p' bench/*_bench.c | sort
}
sed -n 's/^\([A-Za-z0-9]*\) |.*/\1/p' bench/lines.txt | sort >"$tmp/lines"
names >"$tmp/names"
check "lines.txt has each benchmark" cmp "$tmp/lines" "$tmp/names"
sed -n 's/^	{"\([A-Za-z0-9]*\)", .*/\1/p' bench/peers/go/*.go | sort >"$tmp/go"
check "Go has each benchmark" cmp "$tmp/lines" "$tmp/go"

# ---- the runner ----
# A program that takes so many ns for PingPong, and does n times so much work.
program()                       # file, ns, work, and a command to run first
{
	cat >"$tmp/$1" <<END
#!/bin/sh
for a; do case \$a in
-l) echo PingPong; exit ;;
-V) echo "$1 1.0"; exit ;;
esac; done
$4
echo "BenchmarkPingPong-\$BENCH_PROCS 1000 $2 ns/op $3 work"
END
	chmod +x "$tmp/$1"
}
program ours 100 1000
program slow 400 1000
program lazy 1 999
program broken 1 1000 'exit 7'
program stuck 1 1000 'exec sleep 60'
run()                           # OUT and peers
{
	out=$1 bench=$2
	shift 2
	BENCH=$tmp/$bench OUT=$tmp/$out ROUNDS=3 PROCS='1 2' LIMIT=3 PEERS="$*" \
		bench/run.sh PingPong >"$tmp/$out.log" 2>&1
}
check "runs programs by turns" run r ours Slow="$tmp/slow" Lazy="$tmp/lazy" \
	Broken="$tmp/broken" Stuck="$tmp/stuck" Nobody
has() { check "$1" says "$2" "$tmp/$3"; }
has "names who is missing" '^# missing: Nobody' r.log
has "has the ratio" '^PingPong ns .* 1 .*100 .*400  *+-0%  *0.25 ' r.log
has "has no figure of less work" '^Lazy wrong: .*should do 1000, not 999' r.log
has "has no figure of a failure" '^Broken fails: .*status 7' r.log
has "has no figure of what hangs" '^Stuck hung: ' r.log
has "writes medians" '"procs": 2, "unit": "ns/op", "peer": "Slow", "median": 400,' r.json
has "writes what went wrong" '"peer": "Stuck", "went": "hung"' r.json
has "writes versions" '{"peer": "Slow", "version": "slow 1.0"}' r.json
has "writes a picture" '<title>Slow: 100 / 400 = 0.25</title>' r.svg
bench/report.sh table "$tmp/r.json" >"$tmp/table"
row='| round trip over two unbuffered channels | 100 / 100 | 400 / 400 | wrong / wrong'
has "makes a table" "^$row | fails / fails | hung / hung |\$" table
check "is told when millrace itself is wrong" not run lazy lazy
if command -v python3 >/dev/null; then
	check "writes valid JSON and XML" python3 -c '
import json, sys, xml.dom.minidom
json.load(open(sys.argv[1] + ".json"))
xml.dom.minidom.parse(sys.argv[1] + ".svg")' "$tmp/r"
fi

echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
