#!/bin/sh
# command_test.sh - the millrace command, from the source tree and from where
# `make install` puts it: run, build, test, env; what it returns, and what it leaves.
#
# Environment: BUILD, CC, MAKE. Once is enough: in release builds.
CC=${CC:-cc} MAKE=${MAKE:-make}
case $BUILD in
*-release) ;;
*) echo "0 passed, 0 failed"; exit 0 ;;
esac
unset MAKEFLAGS MFLAGS MAKELEVEL MILLRACE
export CC
base=$(mktemp -d) || exit 1
trap 'rm -rf "$base"' EXIT
tmp="$base/a b"                 # blanks in names are no trouble
export TMPDIR="$tmp/tmp"
mkdir -p "$TMPDIR"
passed=0 failed=0
verdict()                       # name, why it failed or ""
{
	if [ -z "$2" ]; then echo "ok command $from $1"; passed=$((passed + 1))
	else echo "FAIL command $from $1: $2"; failed=$((failed + 1)); fi
}
# Run it; what is expected: status, stdout (a pattern for case).
expect()                        # name, status, pattern, arguments...
{
	name=$1 want=$2 pattern=$3
	shift 3
	out=$("$millrace" "$@" 2>"$tmp/err" </dev/null)
	status=$?
	why=
	[ $status -eq "$want" ] || why="status $status, not $want: $(head -5 "$tmp/err")"
	# shellcheck disable=SC2254
	case $out in $pattern) ;; *) why="$why it printed: $out" ;; esac
	[ -z "$(ls -A "$TMPDIR")" ] || why="$why it left $(ls "$TMPDIR")"
	verdict "$name" "$why"
}

# ---- programs ----
cat >"$tmp/main.c" <<'END'
#include <millrace.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
static void echo(chan(int) out, int n) { chan_send(out, n); }
int main(int argc, char **argv)
{
	chan(int) ch = chan_make(int);
	go(echo, ch, argc - 1);
	printf("%d:", chan_recv(ch));
	for (int i = 1; i < argc; i++)
		printf(" %s", argv[i]);
	printf(" procs=%d\n", go_procs(0));
	fflush(stdout);
	if (argc > 1 && argv[1][0] == 'x')
		return atoi(argv[1] + 1);
	if (argc > 1 && argv[1][0] == 'k')
		abort();
	while (argc > 1 && argv[1][0] == 's')
		go_sleep(10 * MILLISECOND);
	chan_free(ch);
}
END
echo 'int helper(int n); int helper(int n) { return 2 * n; }' >"$tmp/helper.c"
cat >"$tmp/two.c" <<'END'
#include <stdio.h>
int helper(int n);
int main(void) { printf("%d\n", helper(VALUE)); }
END
echo 'int main(void) { return no_such_name; }' >"$tmp/wrong.c"
cat >"$tmp/racy.c" <<'END'
#include <millrace.h>
static int n;
static void add(waitgroup *wg) { n++; wg_done(wg); }
int main(void)
{
	waitgroup wg = { 0 };
	wg_add(&wg, 2);
	go(add, &wg);
	go(add, &wg);
	wg_wait(&wg);
}
END
mkdir "$tmp/tests"
cat >"$tmp/tests/good_test.c" <<'END'
#include <millrace.h>
int main(void) { return go_procs(0) > 8; }
END
cat >"$tmp/tests/seed_test.c" <<'END'
#include <millrace.h>
#include <stdlib.h>
#include <string.h>
int main(void) { return strstr(getenv("MILLRACE"), "seed=3,") != NULL; }
END

# Ctrl-C is a signal to the whole process group; anybody else's, to the command alone.
send_signal()                   # name, signal, to: the group (-) or the command, status
{
	setsid sh -c 'echo $$ >"$1"; shift; exec env --default-signal=INT "$@"' sh "$tmp/pid" \
		"$millrace" run "$tmp/main.c" s >"$tmp/out" 2>&1 </dev/null &
	wrapper=$!
	for _ in $(seq 600); do
		[ -s "$tmp/out" ] && break
		sleep 0.1
	done
	group=$(cat "$tmp/pid")
	kill -s "$2" -- "$3$group"
	wait $wrapper
	status=$?
	why=
	[ $status -eq "$4" ] || why="status $status, not $4: $(cat "$tmp/out")"
	kill -s 0 -- "-$group" 2>/dev/null && why="$why something still runs"
	[ -z "$(ls -A "$TMPDIR")" ] || why="$why it left $(ls "$TMPDIR")"
	verdict "$1" "$why"
	rm -f "$tmp/pid" "$tmp/out"
}

everything()
{
	expect "runs a program" 0 '0: procs=*' run "$tmp/main.c"
	expect "hands on arguments" 0 '3: a  b c -O0 procs=*' run "$tmp/main.c" 'a ' 'b c' -O0
	expect "ends the sources at --" 0 '1: other.c procs=*' run "$tmp/main.c" -- other.c
	expect "hands on MILLRACE" 0 '*procs=3' run "$tmp/main.c"
	expect "returns the status" 7 '1: x7*' run "$tmp/main.c" x7
	expect "returns 128 + the signal" 134 '1: k*' run "$tmp/main.c" k
	expect "takes several files and flags" 0 42 run -DVALUE=21 -O0 "$tmp/two.c" "$tmp/helper.c"
	expect "fails with the compiler's words" 1 '' run "$tmp/wrong.c"
	verdict "shows the compiler's words" "$(grep -q 'no_such_name' "$tmp/err" || cat "$tmp/err")"
	send_signal "Ctrl-C ends the program" INT - 130
	send_signal "a signal is passed on" TERM '' 143
	expect "builds" 0 '' build -o "$tmp/built" "$tmp/main.c"
	verdict "builds what runs" "$("$tmp/built" 1 2>&1 | grep -q '^1: 1' || echo "it does not")"
	rm -f "$tmp/built"
	expect "tests" 0 'ok *good_test.c: 2 seeds*' test -seeds 2 "$tmp/tests/good_test.c"
	expect "names the seed that fails" 1 '*seed 3 on 1 *MILLRACE=procs=3,seed=3,procs=1 millrace run*' \
		test -seeds 4 -procs 1 "$tmp/tests/good_test.c" "$tmp/tests/seed_test.c"
	expect "chooses tests" 0 'ok *good_test.c*' test -seeds 1 -run good \
		"$tmp/tests/good_test.c" "$tmp/tests/seed_test.c"
	expect "tells the version" 0 '[0-9]*.[0-9]*.[0-9]*' env MILLRACE_VERSION
	expect "tells everything" 0 "MILLRACE_VERSION='*CFLAGS='*-fexceptions*" env
	expect "helps" 0 'usage: millrace*' help
	expect "refuses what it does not know" 2 '' frobnicate
	if echo 'int main(void) { return 0; }' | $CC -fsanitize=thread -x c - -o /dev/null 2>/dev/null; then
		expect "finds a race" 66 '' run -race "$tmp/racy.c"
		verdict "names the race" "$(grep -q 'racy.c:3' "$tmp/err" || cat "$tmp/err")"
	fi
}

# The thread-safety analysis of the clangs at hand: of one that understands, its words on
# the lines that say so and no others; of any other, a refusal.
safety()                                # compiler
{
	here=tests/command/safety
	CC=$1 $millrace build -Wthread-safety -o "$tmp/built" $here/good.c >"$tmp/out" 2>&1
	status=$?
	case $1:$status in
	*:0)
		verdict "$1: silent about the good one" "$(cat "$tmp/out")"
		CC=$1 $millrace build -Wthread-safety -o "$tmp/built" $here/bad.c 2>&1 |
			sed -n "s|^$here/bad.c:\([0-9]*\):.* warning: .*|\1|p" | sort -un >"$tmp/out"
		grep -n '// warning' $here/bad.c | cut -d: -f1 >"$tmp/wanted"
		verdict "$1: warns of the bad one" "$(diff "$tmp/wanted" "$tmp/out")"
		rm "$tmp/wanted" ;;
	clang-2[2-9]:*) verdict "$1: understands members and defer" "$(cat "$tmp/out")" ;;
	*)
		verdict "$1: refused" "$(grep -q 'not with this compiler' "$tmp/out" || cat "$tmp/out")" ;;
	esac
	rm -f "$tmp/built" "$tmp/out"
}

from=tree millrace=$PWD/tools/millrace
export MILLRACE=procs=3
everything
for cc in cc clang clang-22; do
	if command -v $cc >/dev/null; then safety $cc; fi
done
from=installed
"$MAKE" -s install PREFIX="$base/usr" LIBDIR="$base/usr/lib/deep" CC="$CC" >"$tmp/log" 2>&1 ||
	{ cat "$tmp/log"; verdict install "make install failed"; }
mv "$base/usr" "$base/moved"            # it finds itself wherever it is
mkdir "$base/bin"
ln -s ../moved/bin/millrace "$base/bin/first"
ln -s "$base/bin/first" "$base/bin/second"
millrace=$base/bin/second
rm "$tmp/log"
everything
echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
