#!/bin/sh
# check_layers.sh [ROOT] - includes follow the order of the layers.
#
# A file in src/ may include its own folder, the folders before it in the list below,
# and the public headers. third_party is what is vendored: it includes nothing of ours. A public header includes public headers only. Tests outside
# tests/unit and tests/model see no more than a user does.
# Without ROOT it checks this tree, and that it finds a violation planted in a copy.

layers="third_party base arch os rt sync std diag"

# Prints each violation as "file:line: why"; $1 is the root.
violations()
{
	cd "$1" || exit 2
	find src include $(ls -d tls 2>/dev/null) tests bench examples -name '*.[chS]' -o -name '*.hpp' | sort |
	xargs awk -v layers="$layers" '
	function bad(why) { printf "%s:%d: %s: %s\n", FILENAME, FNR, why, $0 }
	function exists(file,   line, there) {
		there = (getline line < file) >= 0
		close(file)
		return there
	}
	BEGIN { n = split(layers, name, " "); for (i = 1; i <= n; i++) rank[name[i]] = i }
	FNR == 1 {
		split(FILENAME, part, "/")
		tree = part[1]; dir = part[2]
		own = FILENAME; sub("[^/]*$", "", own)
		if (tree == "src" && !(dir in rank)) bad("a folder that is in no layer")
	}
	!/^[ \t]*#[ \t]*include[ \t]*[<"]/ { next }
	{
		quoted = /include[ \t]*"/
		file = $0
		sub(/^[^<"]*[<"]/, "", file); sub(/[>"].*$/, "", file)
		public = file ~ "^millrace(/|\\.h)"
		if (public) next
		if (file ~ /\.\./ && (tree ~ /^(src|include)$/ || file ~ /src\//)) {
			bad("a path with ..")
			next
		}
		of = file; sub("/.*", "", of)
		in_src = of in rank && of != file && exists("src/" file)
	}
	tree == "src" && in_src && rank[of] > rank[dir] { bad("a higher layer"); next }
	tree == "src" && quoted && !in_src && !exists(own file) {
		# The explorer of the model tests replaces the atomics.
		if (!(FILENAME == "src/base/atomic.h" && file == "explorer.h"))
			bad("neither a layer nor its own folder")
	}
	tree == "include" && (quoted || in_src) { bad("a public header includes it") }
	tree != "src" && tree != "include" && dir != "unit" && dir != "model" && in_src {
		bad("only <millrace.h> is for users")
	}'
}

if [ $# -gt 0 ]; then
	out=$(violations "$1")
	[ -z "$out" ] || { echo "$out"; exit 1; }
	exit 0
fi

cd "$(dirname "$0")/.." || exit 2
passed=0 failed=0
ok() { echo "ok layers $1"; passed=$((passed + 1)); }
fail() { echo "FAIL layers $1"; failed=$((failed + 1)); }

if tools/check_layers.sh .; then ok "of this tree"; else fail "of this tree"; fi

# Each planted include must be found in a tree that is clean without it.
tmp=$(mktemp -d) || exit 2
trap 'rm -rf "$tmp"' EXIT
for d in src/third_party src/base src/rt src/std include/millrace tests/api tests/unit bench examples; do
	mkdir -p "$tmp/$d"
done
touch "$tmp/src/base/a.h" "$tmp/src/rt/b.h" "$tmp/src/std/c.h" "$tmp/include/millrace/d.h"
planted()                       # name, file, its text
{
	clean=$(tools/check_layers.sh "$tmp") || echo "$clean"
	printf '%s\n' "$3" >"$tmp/$2"
	if [ -z "$clean" ] && ! tools/check_layers.sh "$tmp" >/dev/null
	then ok "finds $1"; else fail "finds $1"; fi
	rm "$tmp/$2"
}
printf '#include "base/a.h"\n#include "b.h"\n#include <millrace/d.h>\n' >"$tmp/src/rt/good.c"
printf '#include "rt/b.h"\n#include <stdio.h>\n' >"$tmp/tests/unit/good.c"
planted "a higher layer" src/rt/bad.c '#include "std/c.h"'
planted "ours in what is vendored" src/third_party/bad.h '#include "base/a.h"'
planted "a higher layer in <>" src/base/bad.c '# include <rt/b.h>'
planted "a path with .." src/std/bad.c '#include "../rt/b.h"'
planted "another folder's file" src/std/bad.c '#include "b.h"'
planted "a public header that is not alone" include/millrace/bad.h '#include "d.h"'
planted "a public header with an inner one" include/millrace/bad.h '#include <base/a.h>'
planted "an inner header in an api test" tests/api/bad.c '#include "rt/b.h"'
planted "an inner header behind .." tests/api/bad.c '#include "../../src/rt/b.h"'
planted "an inner header in an example" examples/bad.c '#include <rt/b.h>'

echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
