#!/bin/sh
# Compile the public headers and everything around this script; nothing is linked or run.
#
#   each header alone   silent, in C and in C++
#   good/*.c            silent, in every dialect, and once with optimisation
#   bad/*.c             refused, with the text of its first line `// expect: text`, also
#                       when the headers are the system's (most warnings are off there);
#                       with -DFIXED accepted, so it is refused for that reason only
#   names               every public name is used somewhere in good/
#
# Further lines of a sample: `// flags: ...` are added to the compiler's;
# `// refers: sym...` the optimised object must refer to these symbols.
# Environment: CC (cc), CXX (c++; no C++ checks if it is missing). Prints `ok NAME` or
# `FAIL NAME` with what the compiler said, and fails if anything did.
here=$(cd "$(dirname "$0")" && pwd)
include=$here/../../include
CC=${CC:-cc}
CXX=${CXX:-c++}
LC_ALL=C
export LC_ALL
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
trap 'exit 1' INT TERM
status=0

warn="-Wall -Wextra -Wpedantic -Wshadow"
cflags="$warn -Wstrict-prototypes -fexceptions -I$include"
cxxflags="$warn -Wold-style-cast -I$include"
dialects="gnu11 c11 gnu17 gnu2x"

result()		# name, 0 if it is well; what was said is in $tmp/out
{
	if [ "$2" -eq 0 ]; then
		echo "ok $1"
	else
		echo "FAIL $1"
		sed 's/^/    /' "$tmp/out"
		status=1
	fi
}
silent()		# command: it succeeds and says nothing
{
	"$@" >"$tmp/out" 2>&1 && [ ! -s "$tmp/out" ]
}
line_of()		# key, file: the rest of its line `// key: rest`
{
	sed -n "s|^// $1: ||p" "$2"
}

have_cxx=
if command -v "${CXX%% *}" >/dev/null 2>&1; then have_cxx=yes; fi

for h in "$include"/millrace.h "$include"/millrace/*.h; do
	name=${h#"$include"/}
	bad=0
	for std in $dialects; do
		silent $CC -std=$std $cflags -fsyntax-only -x c -include "$h" /dev/null ||
			{ bad=1; break; }
	done
	result "$name" $bad
	if [ $have_cxx ]; then
		silent $CXX -std=c++17 $cxxflags -fsyntax-only -x c++ -include "$h" \
			/dev/null
		result "$name (C++)" $?
	fi
done

for c in "$here"/good/*.c "$here"/../tour/tour.c; do
	name=good/$(basename "$c" .c)
	flags=$(line_of flags "$c")
	bad=0
	for std in $dialects; do
		silent $CC -std=$std $cflags $flags -fsyntax-only "$c" ||
			{ bad=1; break; }
	done
	if [ $bad -eq 0 ]; then
		silent $CC -std=gnu11 $cflags $flags -O2 -c -o "$tmp/o" "$c" || bad=1
		for sym in $(line_of refers "$c"); do
			nm "$tmp/o" | grep -q " U $sym\$" ||
				{ echo "no reference to $sym" >>"$tmp/out"; bad=1; }
		done
	fi
	result "$name" $bad
	if [ $have_cxx ] && grep -q '^// also C++' "$c"; then
		silent $CXX -std=c++17 $cxxflags -fsyntax-only -x c++ "$c"
		result "$name (C++)" $?
	fi
done

refused()		# include option, file: with the text it promises
{
	if $CC -std=gnu11 $warn -fexceptions -Werror $1 "$include" $(line_of flags "$2") \
			-c -o "$tmp/o" "$2" >"$tmp/out" 2>&1; then
		echo "it compiles with $1" >>"$tmp/out"
		return 1
	fi
	grep -qF -e "$(line_of expect "$2")" "$tmp/out" && return 0
	echo "with $1 it does not say: $(line_of expect "$2")" >>"$tmp/out"
	return 1
}
for c in "$here"/bad/*.c; do
	refused -I "$c" && refused -isystem "$c" &&
		silent $CC -std=gnu11 $cflags $(line_of flags "$c") -DFIXED \
			-c -o "$tmp/o" "$c"
	result "bad/$(basename "$c" .c)" $?
done

# Public names: the left column of short.h and what it stands for.
awk '/^#define/ { a = $2; b = $NF } /^typedef/ { a = $3; b = $2 }
	{ gsub(/[(;].*/, "", a); gsub(/[(;].*/, "", b) }
	/^#define|^typedef/ && b ~ /^(mr|MR)_/ { print a, b }
' "$include/millrace/short.h" >"$tmp/names"
cat "$here"/good/*.c | tr -cs 'a-zA-Z0-9_' '\n' | sort -u >"$tmp/used"
: >"$tmp/out"
bad=0
for n in $(tr ' ' '\n' <"$tmp/names"); do
	grep -qx "$n" "$tmp/used" || { echo "$n" >>"$tmp/out"; bad=1; }
done
[ "$(wc -l <"$tmp/names")" -ge 90 ] || { echo "too few names" >>"$tmp/out"; bad=1; }
result "every public name is used in good/" $bad

exit $status
