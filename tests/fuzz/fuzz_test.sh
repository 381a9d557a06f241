#!/bin/sh
# fuzz_test.sh - the targets of this folder under libFuzzer and ASan, SECONDS each (5).
# Each must come through, and one with a planted bug must not. Needs clang.
SECONDS_EACH=${FUZZ_SECONDS:-5}
passed=0 failed=0 skipped=0
B=build/fuzz
finish() { echo "$passed passed, $failed failed, $skipped skipped"; [ $failed -eq 0 ]; exit; }
skip() { echo "skip fuzz $1: $2"; skipped=$((skipped + 1)); }

case ${BUILD:-build/cc-release} in
*/cc-release | *-release) ;;
*) skip all "once is enough, with the release build"; finish ;;
esac
mkdir -p $B || exit 1
CLANG=$(command -v clang || command -v clang-14)
fuzzes='-fsanitize=fuzzer,address -g -O1 -std=gnu11 -fexceptions -Iinclude -pthread'
echo 'int LLVMFuzzerTestOneInput(const char *d, long n) { return !d && n; }' >$B/none.c
if [ -z "$CLANG" ] || ! $CLANG $fuzzes -o $B/none $B/none.c 2>/dev/null; then
	skip all "no clang with libFuzzer"
	finish
fi
${MAKE:-make} -s VARIANT=asan CC="$CLANG" build/"$(basename "$CLANG")"-asan/libmillrace.a ||
	{ echo "FAIL fuzz: the library"; failed=1; finish; }
LIB=build/$(basename "$CLANG")-asan/libmillrace.a

# run NAME SOURCE FLAGS: build and run; the log is $B/NAME.log.
run()
{
	name=$1 src=$2
	shift 2
	$CLANG $fuzzes "$@" -o $B/"$name" "$src" $LIB -lm $libs 2>$B/"$name".log || return 99
	mkdir -p $B/corpus-"$name"
	cp tests/fuzz/corpus/"${name%%-*}"/* $B/corpus-"$name"/ 2>/dev/null
	MILLRACE=procs=2 ASAN_OPTIONS=detect_leaks=0 $B/"$name" -seed=1 -max_len=8192 \
		-rss_limit_mb=0 -timeout=60 -artifact_prefix=$B/"$name"- \
		-max_total_time="$SECONDS_EACH" $B/corpus-"$name" >>$B/"$name".log 2>&1
}
good()
{
	if run "$@"; then
		echo "ok fuzz $1 ($(sed -n 's/^Done \([0-9]*\) runs.*/\1 runs/p' $B/"$1".log))"
		passed=$((passed + 1))
	else
		echo "FAIL fuzz $1"; tail -n 40 $B/"$1".log
		failed=$((failed + 1))
	fi
}
# found NAME TEXT SOURCE FLAGS: TEXT is in what it says when it fails. The clean one has
# passed, so what is found is the planted bug.
found()
{
	text=$2 n=$1
	shift 2
	if ! run "$n" "$@" && grep -q "$text" $B/"$n".log; then
		echo "ok fuzz $n finds a planted bug"
		passed=$((passed + 1))
	else
		echo "FAIL fuzz $n: the planted bug is not found"; tail -n 20 $B/"$n".log
		failed=$((failed + 1))
	fi
}

libs=
good bufio tests/fuzz/bufio_fuzz.c
# What a reader would do that forgets a byte where lines meet the end of its buffer.
sed 's/MUST(n >= 0 \&\& (size_t)n == len/MUST(n >= 0 \&\& (size_t)n == len - (len == 13)/' \
	tests/fuzz/bufio_fuzz.c >$B/bufio_planted.c
found bufio-planted "deadly signal" $B/bufio_planted.c
if [ -e /usr/include/http_parser.h ]; then
	libs=-lhttp_parser
	good httpd tests/fuzz/httpd_fuzz.c
	# One byte too few for a body.
	sed 's/realloc(r->body, r->body_len + n)/realloc(r->body, r->body_len + n - 1)/' \
		examples/httpd.c >$B/httpd_planted.c
	found httpd-planted "buffer-overflow" tests/fuzz/httpd_fuzz.c \
		-DHTTPD="\"$PWD/$B/httpd_planted.c\""
else
	skip httpd "no http_parser.h"
fi
finish
