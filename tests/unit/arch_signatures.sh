#!/bin/sh
# Writes random function signatures for arch_test.c:
#     arch_signatures.sh SEED COUNT >arch_signatures.h
# To try others: compile arch_test.c with -DARCH_SIGNATURES='"other.h"'.
awk -v seed="${1:-1}" -v count="${2:-100}" 'BEGIN {
	srand(seed)
	# v: through an ellipsis. No i128: clang 14 itself gets va_arg of one wrong that
	# straddles registers and stack.
	n = split("i8 u16 i32 i64 ptr b1 f32 f64 f80 i128 s3 s5 s9p s12 sii sid sdi sdd sfff sldbl un v8 v16 cdbl", t, " ")
	m = split("i32 i64 ptr f64 f80 s3 s5 s12 sii sid sdi sdd sfff sldbl un v16 cdbl", v, " ")
	r = split("i8 u16 i32 i64 ptr b1 f32 f64 i128 s3 s5 s12 sii sid sdi sdd sfff sldbl un v8 v16 cdbl", ret, " ")
	print "/* Written by arch_signatures.sh " seed " " count ". */"
	for (id = 1; id <= count; id++) {
		args = id % 4 ? 1 + int(rand() * 8) : 8
		line = "FN" args "(" id ", " ret[1 + int(rand() * r)]
		for (i = 0; i < args; i++)
			line = line ", " t[1 + int(rand() * n)]
		print line ")"
	}
	for (; id <= count * 3 / 2; id++) {
		line = "FNVAR(" id
		for (i = 0; i < 7; i++)
			line = line ", " v[1 + int(rand() * m)]
		print line ")"
	}
}'
