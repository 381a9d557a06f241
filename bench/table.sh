#!/bin/sh
# table.sh RESULT.json - the README's table, in Markdown: the lines of lines.txt that are
# marked for it, "1P / 2P" of each peer, and below what it was measured with.
# `table.sh RESULT.json | splice.sh README.md bench RESULT.json` puts it there.
here=$(dirname "$0")
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
	if (v < 10) return sprintf("%.1f", v)
	s = sprintf("%.0f", v)
	for (n = length(s) - 3; n > 0; n -= 3) s = substr(s, 1, n) "," substr(s, n + 1)
	return s
}
function cell(bench, unit, peer, scale,    p, s, v, some)
{
	for (p = 1; p <= nprocs; p++) {
		v = value[bench, unit, peer, procs[p]]
		some = some || v != ""
		s = s (p > 1 ? " / " : "") (v == "" ? "-" : v ~ /^[a-z]/ ? v : number(v / scale))
	}
	return some ? s : "-"
}
function row(bench, unit, what,    scale, p, line)
{
	scale = unit == "ns/op" && value[bench, unit, "millrace", procs[1]] + 0 >= 1e6 ? 1e6 : 1
	line = "| " what (scale > 1 ? ", ms" : "") " |"
	for (p = 1; p <= peers; p++) line = line " " cell(bench, unit, name[p], scale) " |"
	print line
}
FILENAME ~ /lines\.txt$/ {
	if ($0 !~ /^#/ && split($0, f, " *[|] *") == 4 && f[3] != "no") {
		line[++lines] = f[1]; kind[f[1]] = f[3]; what[f[1]] = f[4]
	}
	next
}
/"kernel"/ { machine = field("cpu") ", " field("cores") " CPUs, " field("kernel") }
/"rounds"/ {
	rounds = field("rounds"); date = substr(field("date"), 1, 10); commit = field("commit")
	ms = field("ms")
}
/"version"/ { name[++peers] = field("peer"); version = version (peers > 1 ? "; " : "") field("version") }
/"bench"/ {
	p = field("procs"); b = field("bench"); u = field("unit")
	if (!(p in known)) { known[p]; procs[++nprocs] = p }
	if (!((b, u) in there)) { there[b, u]; units[b] = units[b] (units[b] ? "," : "") u }
	value[b, u, field("peer"), p] = field("went") field("median")
}
END {
	head = "| ns, " ; rule = "|---|"
	for (p = 1; p <= nprocs; p++) head = head (p > 1 ? " / " : "") procs[p] "P"
	for (p = 1; p <= peers; p++) { head = head " | " name[p]; rule = rule "---|" }
	print head " |"
	print rule
	for (l = 1; l <= lines; l++) {
		b = line[l]
		if (kind[b] == "yes") { if ((b, "ns/op") in there) row(b, "ns/op", what[b]); continue }
		n = split(units[b], us, ",")
		for (i = 1; i <= n; i++) {
			title = us[i]
			gsub(/-/, " ", title)
			# A run that went wrong reports no unit but the default.
			if (us[i] != "ns/op" || n == 1) row(b, us[i], what[b] ": " title)
		}
	}
	print ""
	printf "Medians of %d rounds by turns, of %s ms each at least, %s, commit %s, on %s. ",
		rounds, ms, date, commit, machine
	printf "P: procs, worker threads. -: it has none of that; hung, fails, wrong: what came "
	print "of it instead of a figure."
	print "With " version "."
}' "$here/lines.txt" "$1"
