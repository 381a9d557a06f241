#!/bin/sh
# scale_table.sh SCALE.json - the series of scale.sh as Markdown: a picture and a table of
# each, and what it was measured with.
exec awk '
function field(key,    s)
{
	if (!match($0, "\"" key "\": (\"[^\"]*\"|[^,}]*)")) return ""
	s = substr($0, RSTART + length(key) + 4, RLENGTH - length(key) - 4)
	gsub(/"/, "", s)
	return s
}
function number(v,    s, n)
{
	if (v ~ /^[a-z]/ || v == "") return v == "" ? "-" : v
	if (v < 10) return sprintf("%.1f", v)
	s = sprintf("%.0f", v)
	for (n = length(s) - 3; n > 0; n -= 3) s = substr(s, 1, n) "," substr(s, n + 1)
	return s
}
FILENAME ~ /lines\.txt$/ { if (split($0, f, " *[|] *") == 4) what[f[1]] = f[4]; next }
/"kernel"/ { machine = field("cpu") ", " field("cores") " CPUs, " field("kernel") }
/"rounds"/ {
	run = "Medians of " field("rounds") " rounds by turns, of " field("ms") \
		" ms each at least, " field("date") ", commit " field("commit")
}
/"version"/ { name[++peers] = field("peer"); version = version (peers > 1 ? "; " : "") field("version") }
/"series"/ {
	s = field("series"); x = field("x")
	if (!(s in nx)) order[++series] = s
	if (!((s, x) in known)) { known[s, x]; xs[s, ++nx[s]] = x }
	value[s, x, field("peer")] = field("went") field("median")
}
END {
	print run ", on " machine "."
	print "With " version "."
	for (k = 1; k <= series; k++) {
		s = order[k]
		of = s ~ /^Scale/ ? "N" : "procs"
		printf "\n### %s\n\nAn op: %s.\n\n![%s](scale/%s.svg)\n\n", s, what[s], s, s
		line = "| " of " |"; rule = "|---|"
		for (p = 1; p <= peers; p++) { line = line " " name[p] ", ns |"; rule = rule "---|" }
		print line (peers > 1 ? " ratio |" : "")
		print rule (peers > 1 ? "---|" : "")
		for (i = 1; i <= nx[s]; i++) {
			x = xs[s, i]
			line = "| " number(x) " |"
			if (x < 10) line = "| " x " |"
			for (p = 1; p <= peers; p++) line = line " " number(value[s, x, name[p]]) " |"
			a = value[s, x, name[1]]; b = value[s, x, name[2]]
			if (peers > 1) line = line (a > 0 && b > 0 ? sprintf(" %.2f |", a / b) : " - |")
			print line
		}
	}
	print ""
}' "$(dirname "$0")/lines.txt" "$1"
