#!/bin/sh
# debugger_test.sh - tools/debugger in gdb and lldb: with a live program, and a core file.
#
#     [BUILD=dir] [CC=cc] debugger_test.sh
#
# What the debuggers must show is the same: so each of their outputs is looked at by the
# same checks. What is not installed is skipped, and named.
set -u
LC_ALL=C; export LC_ALL
BUILD=${BUILD:-build/cc-release} CC=${CC:-cc}
here=$PWD
tools=$here/tools/debugger
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
trap 'exit 1' HUP INT TERM
passed=0 failed=0 skipped=0

skip() { echo "skip debugger $1: $2"; skipped=$((skipped + 1)); }
finish()
{
	echo "$passed passed, $failed failed, $skipped skipped"
	[ $failed -eq 0 ]
	exit
}
case $BUILD in
*-release* | *-dev* | *-hostile*) ;;
*) skip all "once is enough, without a tool's own frames"; finish ;;
esac

# shows NAME WHAT...: patterns of grep -E, each of which $tmp/out must have.
shows()
{
	name=$1 missing=
	shift
	for what; do
		grep -qE -e "$what" "$tmp/out" || missing="$missing; $what"
	done
	if [ -z "$missing" ]; then
		echo "ok debugger $name"; passed=$((passed + 1))
	else
		echo "FAIL debugger $name: not there$missing"; failed=$((failed + 1))
		sed 's/^/    /' "$tmp/out"
	fi
}
# The output between two marks, which the debuggers echo.
between() { sed -n "/^MARK $1\$/,/^MARK/p" "$tmp/all" >"$tmp/out"; }

check()
{
	between list
	shows "$1 lists goroutines" '^\* +1  \[running\]  main' \
		'^   +[0-9]+  \[chan receive, [0-9.]+s\]  waits  created by main at .*parked.c:[0-9]+' \
		'^\* +[0-9]+  \[running\]  computes  created by main at '
	between parked
	shows "$1 shows a parked one" 'innermost ?\(secret=42\)' 'waits' 'mri_sched_first'
	# not: a pointer that is <main_m>
	if grep -qE 'stop_here|[ `]main( |\(|$)' "$tmp/out"; then
		echo "FAIL debugger $1 shows no other frames"; failed=$((failed + 1))
	fi
	between running
	shows "$1 shows a running one" 'computes' 'mri_sched_first'
	between main
	shows "$1 shows main" 'stop_here' 'main'
	between all
	shows "$1 shows all" 'secret=42' 'secret=1042' 'computes' 'stop_here'
	between after
	shows "$1 leaves the selection as it was" 'stop_here'
	between none
	shows "$1 knows who is not there" 'there is no goroutine 999'
}

mkdir "$tmp/core"
$CC -g -O1 -fexceptions -Iinclude -o "$tmp/parked" tests/debugger/parked.c \
	"$BUILD/libmillrace.a" -pthread || { echo "FAIL debugger: cannot build"; failed=1; finish; }
# (a shell of its own, which says on its own stderr that it was aborted)
sh -c 'cd "$1/core" && ulimit -c unlimited && "$1/parked"; :' sh "$tmp" >/dev/null 2>&1
core=$(find "$tmp/core" -type f | head -n 1)

# ------------------------------------------------------------------------------ gdb
# The numbers of the goroutines, from a list: the first that waits, the one that computes.
numbers()
{
	waits=$(awk '/\] +waits/ { print $1; exit }' "$tmp/list")
	computes=$(awk '/\] +computes/ { print $2; exit }' "$tmp/list")
	waits=${waits:-2} computes=${computes:-4}
}
# Always into a file: a debugger whose output a filter does not want any more may loop.
gdb_says() { timeout -s KILL 120 gdb -batch -nx -ex 'set debuginfod enabled off' "$@" </dev/null 2>&1; }
gdb_commands()
{
	cat <<-END
	source $tools/millrace-gdb.py
	echo MARK list\\n
	info goroutines
	echo MARK parked\\n
	goroutine $waits bt
	echo MARK running\\n
	goroutine $computes bt
	echo MARK main\\n
	goroutine 1 bt
	echo MARK all\\n
	goroutine all bt
	echo MARK after\\n
	bt
	echo MARK none\\n
	python
	try:
	    gdb.execute("goroutine 999 bt")
	except gdb.error as e:
	    print(e)
	end
	echo MARK\\n
	END
}
in_gdb()                        # name, arguments that load the program and stop it
{
	name=$1
	shift
	gdb_says "$@" -ex "source $tools/millrace-gdb.py" -ex 'info goroutines' >"$tmp/list"
	numbers
	gdb_commands >"$tmp/commands"
	gdb_says "$@" -x "$tmp/commands" >"$tmp/all"
	check "$name"
}
if [ "$(gdb_says -ex 'python print(6 * 7)')" != 42 ]; then
	skip gdb "there is no gdb, or none with Python"
elif gdb_says -ex 'break stop_here' -ex run "$tmp/parked" >"$tmp/out"
	! grep -q 'Breakpoint 1,' "$tmp/out"; then
	skip gdb "gdb cannot run a program here"
else
	in_gdb "gdb, live:" -ex 'break stop_here' -ex run "$tmp/parked"
	if [ -z "$core" ]; then
		core=$tmp/core/by-gdb
		gdb_says -ex 'break stop_here' -ex run -ex "generate-core-file $core" \
			"$tmp/parked" >/dev/null
	fi
	in_gdb "gdb, core:" "$tmp/parked" "$core"
	strip -g -o "$tmp/stripped" "$tmp/parked" &&
		gdb_says -ex 'break stop_here' -ex run -ex "source $tools/millrace-gdb.py" \
			-ex 'info goroutines' "$tmp/stripped" >"$tmp/out"
	shows "gdb says that there is no debug information" \
		'^millrace: no debug information of the library'
fi

# ----------------------------------------------------------------------------- lldb
lldb_says() { timeout -s KILL 120 lldb -x -b "$@" </dev/null 2>&1; }
lldb_has_python()
{
	lldb_says -o 'script print(6 * 7)' >"$tmp/out"
	grep -q '^42$' "$tmp/out"
}
# Debian's lldb looks for its Python files where they are not.
if command -v lldb >/dev/null && ! lldb_has_python; then
	for init in /usr/lib/llvm-*/lib/python3*/dist-packages/lldb/embedded_interpreter.py; do
		PYTHONPATH=${init%/lldb/*}
		export PYTHONPATH
		lldb_has_python && break
	done
fi
lldb_commands()
{
	cat <<-END
	command script import $tools/millrace_lldb.py
	script print("MARK list")
	goroutines
	script print("MARK parked")
	goroutine $waits bt
	script print("MARK running")
	goroutine $computes bt
	script print("MARK main")
	goroutine 1 bt
	script print("MARK all")
	goroutine all bt
	script print("MARK after")
	bt
	script print("MARK none")
	script lldb.debugger.HandleCommand("goroutine 999 bt")
	script print("MARK")
	END
}
in_lldb()
{
	name=$1
	shift
	lldb_says "$@" -o "command script import $tools/millrace_lldb.py" -o goroutines \
		-o kill >"$tmp/list"
	numbers
	lldb_commands >"$tmp/commands"
	lldb_says "$@" -o "command source $tmp/commands" -o kill >"$tmp/out"
	grep -v '^(lldb)' "$tmp/out" >"$tmp/all"
	check "$name"
}
if ! command -v lldb >/dev/null; then
	skip lldb "there is no lldb"
elif ! lldb_has_python; then
	skip lldb "its Python does not work"
elif lldb_says -o 'breakpoint set -n stop_here' -o run -o kill "$tmp/parked" >"$tmp/out"
	! grep -q 'stop reason = breakpoint' "$tmp/out"; then
	skip lldb "lldb cannot run a program here"
else
	in_lldb "lldb, live:" -o 'breakpoint set -n stop_here' -o run "$tmp/parked"
	if [ -n "$core" ]; then
		in_lldb "lldb, core:" -c "$core" "$tmp/parked"
	else
		skip "lldb, core" "there is no core file: no core_pattern, no gdb"
	fi
fi
finish
