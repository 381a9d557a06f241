#!/bin/sh
# check.sh - `make check`: the tests under every compiler, sanitizer and CPU at hand, and
# the static checks. A missing tool is a skipped stage. Logs are left in build/check/.
cd "$(dirname "$0")/.." || exit 2
LOGS=build/check
. tools/stages.sh
unset MAKEFLAGS MFLAGS MAKELEVEL
export SEEDS=20                         # of each bug in tests/diag/bugs
# The sources are looked at once, in stages of their own.
tests() { name=$1; shift; stage "$name" make -s test ONCE_SCRIPTS= "$@"; }

for what in runner layers tidy install; do
	stage $what tools/check_$what.sh
done
for cc in gcc clang; do
	if have $cc; then
		tests "$cc -O0" CC=$cc VARIANT=dev OPT=-O0
		tests "$cc -O3" CC=$cc VARIANT=release OPT=-O3 CFLAGS=-Werror
		tests "$cc asan+ubsan" CC=$cc VARIANT=asan
		tests "$cc tsan-rt" CC=$cc VARIANT=tsan
		tests "$cc race" CC=$cc VARIANT=race
		stage "$cc headers" env CC=$cc tools/check_headers.sh
	else
		skip "$cc" "no $cc"
	fi
done
tests "hostile" VARIANT=hostile
tests "hostile asan" VARIANT=asan OPT=-O1 CPPFLAGS=-DMRI_HOSTILE
# it needs __builtin_apply, which clang has not
tests "fallback" VARIANT=fallback $(have gcc && echo CC=gcc)
if [ -f tests/model/rules.mk ]; then stage "model" make -s model
else skip "model" "no model tests"; fi
if have valgrind; then
	tests "valgrind" VARIANT=valgrind DIRS='unit api crash' PROCS=2 TEST_SCRIPTS=
else
	skip "valgrind" "no valgrind"
fi
if have aarch64-linux-gnu-gcc && have qemu-aarch64; then
	tests "aarch64" CROSS=aarch64-linux-gnu- DIRS='unit api crash' PROCS='1 2'
else
	skip "aarch64" "no aarch64-linux-gnu-gcc and qemu-aarch64"
fi
if have clang-tidy; then stage "clang-tidy" tools/check_lint.sh clang-tidy
else skip "clang-tidy" "no clang-tidy"; fi
if have cppcheck; then stage "cppcheck" tools/check_lint.sh cppcheck
else skip "cppcheck" "no cppcheck"; fi
finish
