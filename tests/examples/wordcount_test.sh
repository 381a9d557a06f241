#!/bin/sh
# wordcount_test.sh - the demo against wc.
#
#     [BUILD=dir] wordcount_test.sh [wordcount-binary]
#
# The binary is $1, or examples/wordcount in $BUILD. MR_TEST_WRAP runs it under
# something else (valgrind), MR_TEST_SLOW says how many times longer that may take. Prints
# `ok NAME` or `FAIL NAME` a line and last `N passed, N failed`; the status is 0 if none
# failed. Needs only what Debian marks essential. Linux: the signal tests look into /proc
# to see that a file is being read.
set -u
LC_ALL=C; export LC_ALL
bin=${1:-${BUILD:-build/cc-release}/examples/wordcount}
wrap=${MR_TEST_WRAP:-}
slow=${MR_TEST_SLOW:-1}
case $bin in /*) ;; *) bin=$PWD/$bin ;; esac
if [ ! -x "$bin" ]; then
	echo "FAIL wordcount: no binary $bin"
	echo "0 passed, 1 failed"
	exit 1
fi

tmp=$(mktemp -d) || exit 1
chmod 755 "$tmp"
pid=
trap 'chmod -R u+rwx "$tmp"; rm -rf "$tmp"' EXIT
trap '[ -z "$pid" ] || kill -9 "$pid"; exit 1' HUP INT TERM
tree=$tmp/tree
passed=0 failed=0

# judge NAME [WHY]: by the status of the command before it.
judge()
{
	if [ $? -eq 0 ]; then
		echo "ok $1"; passed=$((passed + 1))
	else
		echo "FAIL $1: ${2:-status $status, $(totals), $(cat "$tmp/err")}"
		failed=$((failed + 1))
	fi
}

# run ARGS...: output in $tmp/out and $tmp/err, the status in $status
run()
{
	timeout $((120 * slow)) $wrap "$bin" "$@" >"$tmp/out" 2>"$tmp/err"
	status=$?
}

# The first line of the output as "lines words bytes files".
totals() { awk 'NR == 1 { print $1, $3, $5, $7 }' "$tmp/out"; }

# The same for the regular files below $1, from wc. Newer ones take unprintable bytes for
# words; without such bytes all agree, so with a newer wc, words are counted without them.
# The newline keeps the last word of a file from the first of the next.
words_of()
{
	if [ "$(printf '\001' | wc -w)" -eq 0 ]; then
		find "$1" -type f -print0 | wc -w --files0-from=- |
			awk 'END { print $1 + 0 }'
	else
		find "$1" -type f -exec sh -c 'for f; do cat "$f"; echo; done' sh {} + |
			tr -d '\000-\010\016-\037\177-\377' | wc -w | tr -d ' '
	fi
}
expected()
{
	find "$1" -type f -print0 >"$tmp/files"
	wc -lc --files0-from="$tmp/files" >"$tmp/wc"
	set -- "$1" $(awk 'END { print $1 + 0, $2 + 0 }' "$tmp/wc")
	echo "$2 $(words_of "$1") $3 $(tr -dc '\000' <"$tmp/files" | wc -c | tr -d ' ')"
}

# same_as_wc NAME DIR ARGS...
same_as_wc()
{
	name=$1 dir=$2
	shift 2
	run "$@" "$dir"
	want=$(expected "$dir") got=$(totals)
	[ "$status" -eq 0 ] || got="status $status, $got"
	[ "$got" = "$want" ]; judge "$name" "$got, wc: $want"
}

# The ten largest, sizes only: two files of one size may come in either order in find's.
largest_as_find()
{
	find "$1" -type f -printf '%s\n' | sort -rn | head -10 >"$tmp/want"
	awk 'NR > 1 { print $1 }' "$tmp/out" >"$tmp/got"
	cmp -s "$tmp/want" "$tmp/got"; judge "$2" "not the ten largest"
}

# ------------------------------------------------------------------- real input
same_as_wc include "$(readlink -f /usr/include)" -q
largest_as_find "$(readlink -f /usr/include)" include_largest
same_as_wc one_worker "$(readlink -f /usr/include)" -q -w 1
same_as_wc many_workers "$(readlink -f /usr/include)" -q -w 64
[ "$slow" -gt 1 ] || same_as_wc binaries "$(readlink -f /usr/bin)" -q

# The times are part of it without -q.
run /usr/include
[ "$status" -eq 0 ] && grep -q '^1 worker: .* ms, [0-9]* workers: .* ms, ratio' "$tmp/err"
judge times

# --------------------------------------------------------------- a made-up tree
mkdir -p "$tree/a b/c" "$tree/deep" "$tree/empty dir" "$tree/new
line"
: >"$tree/empty"
: >"$tree/a b/empty too"
printf 'no newline at the end' >"$tree/cut"
printf 'nul\000in a word \000 alone\000\n\000' >"$tree/nul"
printf ' \t\v\f\r\n  \n' >"$tree/blank"
printf 'a\001b \001 \177 \200\377 x\240y \303\251 z' >"$tree/unprintable"
printf 'one\vtwo\fthree\rfour\tfive six\nseven' >"$tree/spaces"
head -c 3000000 /dev/zero | tr '\000' x >"$tree/one long word"
awk 'BEGIN { for (i = 0; i < 400000; i++) printf "word " }' >"$tree/one long line"
# A word and a newline across the edge of each read, whatever its size (a power of two).
awk 'BEGIN { for (i = 0; i < 70000; i++) print i % 7 ? i : i " " i }' >"$tree/edges"
head -c 65536 /dev/zero | tr '\000' y >"$tree/exactly one chunk"
cp "$bin" "$tree/a program"
printf 'a name with a newline\n' >"$tree/new
line/odd
name"
printf 'a name to quote\n' >"$tree/a b/c/it's \"-q\" \\ \$x *"
printf 'dash\n' >"$tree/-q"
d=$tree/deep
for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
	d=$d/a-long-directory-name-$i; mkdir "$d"; printf 'depth %d\n' $i >"$d/file"
done
same_as_wc made_up "$tree" -q
largest_as_find "$tree" made_up_largest
same_as_wc made_up_1 "$tree" -q -w 1
same_as_wc made_up_trailing_slash "$tree/" -q
mkdir "$tmp/nothing"
same_as_wc empty_tree "$tmp/nothing"

# A hundred small directories of a hundred files: more results than any queue holds.
mkdir "$tmp/many"
(cd "$tmp/many" && awk 'BEGIN {
	for (i = 0; i < 100; i++) {
		system("mkdir " i)
		for (j = 0; j < 100; j++) { print i, j > (i "/" j); close(i "/" j) }
	}
}')
same_as_wc many_files "$tmp/many"

# --------------------------------------- what is no regular file is skipped and counted
ln -s /usr/include "$tree/link to a directory"
ln -s "$tree/cut" "$tree/link to a file"
ln -s /nowhere/at/all "$tree/dangling"
ln -s "$tree" "$tree/deep/loop"
mkfifo "$tree/fifo"
same_as_wc links_and_fifo "$tree" -q
grep -q '^skipped 5:' "$tmp/err"; judge skipped
ln -s "$tree" "$tmp/root link"
run -q "$tmp/root link"
[ "$(totals)" = "$(expected "$tree")" ]; judge link_as_root

# ---------------------------------------------------------------- what cannot be read
# Root reads everything: there, another user does this.
as_user=
[ "$(id -u)" -ne 0 ] || as_user="setpriv --reuid=65534 --regid=65534 --clear-groups"
cp "$bin" "$tmp/wordcount"
mkdir "$tmp/closed" "$tmp/closed/locked"
printf 'seen\n' >"$tmp/closed/open"
printf 'hidden\n' >"$tmp/closed/secret"
printf 'hidden\n' >"$tmp/closed/locked/file"
chmod 0 "$tmp/closed/secret" "$tmp/closed/locked"
bin="$tmp/wordcount" wrap="$as_user $wrap"
run -q "$tmp/closed"
[ "$status $(totals)" = "0 1 1 5 1" ] && grep -q '^skipped 2:' "$tmp/err"
judge unreadable
run -q "$tmp/closed/locked"
[ "$status" -eq 1 ] && grep -q 'locked: Permission denied' "$tmp/err" &&
	[ ! -s "$tmp/out" ]
judge unreadable_root
chmod 700 "$tmp/closed/locked"
wrap=${MR_TEST_WRAP:-}

run "$tmp/no such directory"
[ "$status" -eq 1 ] && [ ! -s "$tmp/out" ] &&
	grep -q 'no such directory: No such file or directory' "$tmp/err"
judge nonexistent
run -w 0 "$tree"
[ "$status" -eq 2 ] && grep -q '^usage:' "$tmp/err"
judge usage

# ------------------------------------------------------------------------- signals
# A file that is one hole of 1 TiB keeps a worker reading for minutes, so the signal
# always comes in the middle of it: it is sent once the program has the file open. The
# other files are done or not, so the totals lie between nothing and everything else. No
# sleep decides anything.
mkdir "$tmp/big"
cp -r "$tree/a b" "$tree/edges" "$tmp/big"
truncate -s 1T "$tmp/big/hole" 2>/dev/null || truncate -s 64G "$tmp/big/hole"

# until_true COMMAND: wait for it, but not for ever.
until_true()
{
	tries=0
	until "$@" || [ $tries -gt $((3000 * slow)) ]; do
		tries=$((tries + 1))
		sleep 0.01
	done
}
reading_hole() { ls -l "/proc/$pid/fd" 2>/dev/null | grep -q 'big/hole$'; }
shows_progress() { grep -q ' files, [0-9]* MB' "$tmp/out"; }
shows_totals() { [ -s "$tmp/out" ]; }

# interrupt SIGNAL: send it to $pid, which must then end soon.
interrupt()
{
	kill -"$1" $pid 2>/dev/null
	(sleep $((30 * slow)); kill -9 $pid) >/dev/null 2>&1 &
	guard=$!
	wait $pid
	status=$?
	kill $guard 2>/dev/null
	pid=
}

# interrupted NAME SIGNAL STATUS ARGS...
interrupted()
{
	name=$1 sig=$2 want=$3
	shift 3
	env --default-signal=INT $wrap "$bin" "$@" "$tmp/big" >"$tmp/out" 2>"$tmp/err" &
	pid=$!
	until_true reading_hole
	interrupt "$sig"
	files=$(totals | awk '{ print $4 }')
	[ "$status" -eq "$want" ] && grep -q '^interrupted: .*so far' "$tmp/err" &&
		[ "${files:-99}" -le 4 ]
	judge "$name"
}
interrupted sigint INT 130
interrupted sigint_1 INT 130 -w 1
interrupted sigint_quiet INT 130 -q -w 8
interrupted sigterm TERM 143

# Once the totals are there, the rest is only timing: they stay right. The signal comes
# during that or, on a slow machine, after it; the program says which.
env --default-signal=INT $wrap "$bin" "$tmp/many" >"$tmp/out" 2>"$tmp/err" &
pid=$!
until_true shows_totals
interrupt INT
case $status in
0 | 130) grep -q -e '^interrupted: while timing; the totals are' -e '^1 worker' "$tmp/err" ;;
*) false ;;
esac && [ "$(totals)" = "$(expected "$tmp/many")" ]
judge interrupted_timing

# On a terminal: a progress line, and Ctrl-C as the key is pressed, once that line is
# there.
mkfifo "$tmp/keys"
env --default-signal=INT timeout $((60 * slow)) \
	script -qec "$wrap '$bin' '$tmp/big'" /dev/null \
	<"$tmp/keys" >"$tmp/out" 2>"$tmp/err" &
pid=$!
exec 3>"$tmp/keys"
until_true shows_progress
printf '\003' >&3
wait $pid
status=$?
exec 3>&-
pid=
[ "$status" -eq 130 ] && shows_progress &&
	grep -q '^interrupted:' "$tmp/out"
judge terminal

echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
