#!/bin/sh
# check_tidy.sh [ROOT] - what STYLE asks for and a machine can see, in src/ and include/:
#
#   width     lines to 90 columns (a tab is 8)
#   length    files to 600 lines
#   function  functions to 70 lines
#   macro     every public macro is used by some test, example or another used macro
#   label     every atomic that is not relaxed has a label (Q1:) in a comment on its line
#             or the 6 above; "pairs with Q2" names a label that exists
#
# What is vendored, in src/third_party, is left alone.
# Exceptions, to be worked off: tools/tidy_ratchet, lines "check file limit".
# Without ROOT it checks this tree, and that it finds each fault planted in a copy.

# The texts of an awk program, by check. They get the files of src/ and include/.
width_and_length='
	function bad(check, why) { printf "%s:%d: %s: %s\n", FILENAME, FNR, check, why }
	function limit(check, n) { return (check, FILENAME) in more ? more[check, FILENAME] : n }
	function end_of_file() {
		if (lines > max_lines)
			printf "%s:%d: length: more than %d lines\n", file, lines, max_lines
	}
	BEGIN {
		while ((getline line < "tools/tidy_ratchet") > 0)
			if (split(line, f, " ") == 3) more[f[1], f[2]] = f[3]
	}
	FNR == 1 { end_of_file(); file = FILENAME; max_lines = limit("length", 600); start = 0 }
	{
		lines = FNR
		width = 0
		for (i = 1; i <= length($0); i++)
			width += substr($0, i, 1) == "\t" ? 8 - width % 8 : 1
		if (width > limit("width", 90)) bad("width", width " columns")
	}
	FILENAME ~ /\.S$/ { next }
	/^[{]/ { start = FNR }
	/^[}]/ && start {
		if (FNR - start + 1 > limit("function", 70)) bad("function", FNR - start + 1 " lines")
		start = 0
	}
	END { end_of_file() }'

# Each file is read twice: for the labels, and then for their uses.
labels='
	function bad(why) { printf "%s:%d: label: %s\n", FILENAME, FNR, why }
	FNR == 1 { pass[FILENAME]++; seen = -100; call = ""; pairs = "" }
	{
		text = comment = $0
		was_in = inside
		if (inside) {
			if (text ~ /\*\//) { inside = 0; sub(/^.*\*\//, "", text) } else text = ""
		}
		if (text ~ /\/\*/ && text !~ /\/\*.*\*\//) { inside = 1; sub(/\/\*.*/, "", text) }
		gsub(/\/\*[^*]*\*\//, "", text)
		if (!was_in && $0 !~ /\/\*/) comment = ""
		if (comment != "" && !was_in) sub(/^.*\/\*/, "", comment)
		has_label = match(comment, /(^|[ (*])[A-Z]+[0-9]+[a-z]?: /)
		if (has_label) {
			l = substr(comment, RSTART, RLENGTH); gsub(/[^A-Za-z0-9]/, "", l)
			label[l] = 1
			seen = FNR
		}
	}
	pass[FILENAME] == 1 || FILENAME ~ /base\/atomic\.h$/ { next }
	# "pairs with" and the labels up to the end of the phrase, which may go on below
	pairs != "" || comment ~ /pairs with/ {
		phrase = comment
		if (pairs == "") { sub(/^.*pairs with/, "", phrase); named = 0 }
		pairs = "open"
		gsub(/\*\/.*/, " .", phrase)
		if (match(phrase, /[.;:]( |$)/)) { phrase = substr(phrase, 1, RSTART); pairs = "" }
		if (phrase ~ /itself/) named = 1
		n = split(phrase, word, /[^A-Za-z0-9]+/)
		for (i = 1; i <= n; i++)
			if (word[i] ~ /^[A-Z]+[0-9]+[a-z]?$/) {
				named = 1
				if (!(word[i] in label)) bad("pairs with " word[i] ", which is nowhere")
			}
		if (pairs == "" && !named) bad("\"pairs with\" names no label")
	}
	# one call, which may go on for some lines
	call == "" && match(text, /(^|[^a-z_])atomic_[a-z]+\(/) { call = " "; begun = FNR; ok = 0 }
	call != "" {
		call = call text
		if (FNR - seen <= 6) ok = 1
		if (call ~ /;|\{[ \t]*$/ || FNR - begun > 4) {
			if (call ~ /[,(][ \t]*(acquire|release|acq_rel|seq_cst)\)/ && !ok)
				bad("an atomic without a label")
			call = ""
		}
	}'

# Public macros that nothing uses. Files: the public headers, and then, after "tests=1",
# those that may use them. A macro in the body of a used one is used; so are those that a
# used body pastes together (their name begins with a word of it that ends in "_").
macros='
	function use_words(text,   n, w, i) {
		n = split(text, w, /[^A-Za-z0-9_]+/)
		for (i = 1; i <= n; i++) if (w[i] != "") used[w[i]] = 1
	}
	tests { use_words($0); next }
	FNR == 1 { name = "" }
	/^[ \t]*#[ \t]*define[ \t]/ {
		name = $0
		sub(/^[ \t]*#[ \t]*define[ \t]+/, "", name)
		rest = name
		sub(/[^A-Za-z0-9_].*/, "", name)
		rest = substr(rest, length(name) + 1)
		if (rest ~ /^[ \t]*$/) { name = ""; next }      # an include guard, a switch
		where[name] = FILENAME ":" FNR
		body[name] = body[name] " " rest
		if ($0 !~ /\\$/) name = ""
		next
	}
	name != "" { body[name] = body[name] " " $0; if ($0 !~ /\\$/) name = ""; next }
	{ use_words($0) }                                       # used by the headers themselves
	END {
		do {
			more = 0
			for (m in body) {
				hit = m in used
				for (p in pasted) if (!hit && index(m, p) == 1) hit = 1
				if (!hit || m in done) continue
				done[m] = more = 1
				use_words(body[m])
				n = split(body[m], w, /[^A-Za-z0-9_]+/)
				for (i = 1; i <= n; i++) if (w[i] ~ /[a-z0-9]_$/) pasted[w[i]] = 1
			}
		} while (more)
		for (m in body) if (!(m in done)) print where[m] ": macro: no test uses " m
	}'

# Prints each fault as "file:line: check: why"; $1 is the root.
faults()
{
	cd "$1" || exit 2
	files=$(find src include $(ls -d tls 2>/dev/null) -name '*.[chS]' -o -name '*.hpp' | grep -v '^src/third_party/' | sort)
	code=$(find src -name '*.[ch]' | grep -v '^src/third_party/' | sort)
	headers=$(find include -name '*.h' | sort)
	users=$(find tests examples bench -name '*.c' -o -name '*.cc' -o -name '*.cpp' -o -name '*.sh' | sort)
	awk "$width_and_length" $files
	[ -z "$code" ] || awk "$labels" $code $code
	# No tests yet: nothing can be used.
	[ -z "$users" ] || awk "$macros" $headers tests=1 $users | sort -t: -k1,1 -k2,2n
}

if [ $# -gt 0 ]; then
	out=$(faults "$1")
	[ -z "$out" ] || { echo "$out"; exit 1; }
	exit 0
fi

cd "$(dirname "$0")/.." || exit 2
passed=0 failed=0
ok() { echo "ok tidy $1"; passed=$((passed + 1)); }
fail() { echo "FAIL tidy $1"; failed=$((failed + 1)); }

out=$(faults .)
for check in width length function macro label; do
	found=$(echo "$out" | grep ": $check: ")
	if [ -z "$found" ]; then ok $check; else fail $check; echo "$found"; fi
done

# Each planted fault must be found in a tree that is clean without it.
tmp=$(mktemp -d) || exit 2
trap 'rm -rf "$tmp"' EXIT
mkdir -p "$tmp/src/rt" "$tmp/include/millrace" "$tmp/tests" "$tmp/examples" "$tmp/bench"
planted()                       # check, name, file, its text
{
	clean=$(faults "$tmp")
	cat >"$tmp/$3"
	if [ -z "$clean" ] && faults "$tmp" | grep -q ": $1: "
	then ok "finds $2"; else fail "finds $2"; fi
	rm "$tmp/$3"
	[ -z "$clean" ] || { echo "the planted tree is not clean:"; echo "$clean"; }
}
lines() { awk -v n="$1" 'BEGIN { for (i = 0; i < n; i++) print "\tx++;" }'; }
cat >"$tmp/src/rt/good.c" <<'END'
int f(void)
{
	/* Q1: release, pairs with Q2 in another
	 * function; and why. */
	atomic_set(&x, 1, release);
	atomic_get(&x, relaxed);
	return atomic_get(&x, acquire);                 /* Q2: pairs with Q1 */
}
END
cat >"$tmp/include/millrace/good.h" <<'END'
#ifndef GOOD_H
#define GOOD_H
#define pick(x) MR_CAT(pick_, x)
#define pick_1 one
#define MR_CAT(a, b) a##b
#endif
END
echo 'int v = pick(1);' >"$tmp/tests/t.c"
awk 'BEGIN { printf "/*%085d*/\n", 0 }' | cat - | sed 's/^/\t/' |
	planted width "a wide line" src/rt/bad.c
lines 601 | planted length "a long file" src/rt/bad.c
{ printf 'int f(void)\n{\n'; lines 69; echo '}'; } |
	planted function "a long function" src/rt/bad.c
printf '#define lost 1\n' | planted macro "a macro that no test uses" include/millrace/bad.h
printf 'int g(void)\n{\n\treturn atomic_cas(&x, &y, 1,\n\t\tacq_rel);\n}\n' |
	planted label "an atomic without a label" src/rt/bad.c
printf '/* Q3: pairs with Q4, the load\n * there. */\n' |
	planted label "a label whose partner is missing" src/rt/bad.c
printf '/* Q5: pairs with the other one. */\n' |
	planted label "a label that names no partner" src/rt/bad.c

echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
