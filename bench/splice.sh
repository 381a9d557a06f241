#!/bin/sh
# splice.sh [-c] DOCUMENT NAME [SOURCE] <TEXT - put TEXT between the lines
# <!-- NAME: SOURCE --> and <!-- end of NAME --> of DOCUMENT, with SOURCE, if given, in
# the first. -c: only compare; exit 1, and show the difference, if there is one.
check=
[ "$1" != -c ] || { check=1; shift; }
new=$(mktemp) || exit 2
text=$(mktemp) || exit 2
trap 'rm -f "$new" "$text"' EXIT
cat >"$text"
awk -v name="$2" -v source="${3:-}" -v text="$text" '
	index($0, "<!-- " name ": ") == 1 {
		print source == "" ? $0 : "<!-- " name ": " source " -->"
		while ((getline line <text) > 0) print line
		inside = found = 1
		next
	}
	$0 == "<!-- end of " name " -->" { ended = inside; inside = 0 }
	!inside
	END { exit !(found && ended) }' "$1" >"$new" ||
	{ echo "splice.sh: $1 has no place for $2" >&2; exit 2; }
if [ -n "$check" ]; then diff -u "$1" "$new"; else cat "$new" >"$1"; fi
