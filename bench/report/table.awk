# table.awk - `report.sh table RESULT.json`: the README's table, in Markdown: the lines of
# lines.txt that are marked for it, "1P / 2P" of each peer, and what it was measured with.
function cell(bench, unit, peer, scale,    p, s, v, some)
{
	for (p = 1; p <= nprocs; p++) {
		v = value[bench, unit, peer, procs[p]]
		some = some || v != ""
		if (v != "" && v !~ /^[a-z]/) v /= scale
		s = s (p > 1 ? " / " : "") number(v)
	}
	return some ? s : "-"
}
# In ms if it takes anybody a millisecond or more.
function row(bench, unit, what,    scale, p, q, s)
{
	scale = 1
	for (p = 1; p <= peers; p++)
		for (q = 1; q <= nprocs; q++)
			if (value[bench, unit, name[p], procs[q]] + 0 >= 1e7)
				scale = unit == "ns/op" ? 1e6 : 1
	s = "| " what (scale > 1 ? ", ms" : "") " |"
	for (p = 1; p <= peers; p++) s = s " " cell(bench, unit, name[p], scale) " |"
	print s
}
FILENAME ~ /lines\.txt$/ {
	if ($0 !~ /^#/ && split($0, f, " *[|] *") == 4 && f[3] != "no") {
		order[++lines] = f[1]
		kind[f[1]] = f[3]
		what[f[1]] = f[4]
	}
	next
}
/"kernel"/ { machine = field("cpu") ", " field("cores") " CPUs, " field("kernel") }
/"rounds"/ {
	run = "Medians of " field("rounds") " rounds by turns, of " field("ms") \
		" ms each at least, " substr(field("date"), 1, 10) \
		", commit " field("commit")
	load = field("load")
}
/"version"/ {
	name[++peers] = field("peer")
	version = version (peers > 1 ? "; " : "") field("version")
}
/"bench"/ {
	p = field("procs"); b = field("bench"); u = field("unit")
	if (!(p in known)) { known[p]; procs[++nprocs] = p }
	if (!((b, u) in there)) {
		there[b, u]
		units[b] = units[b] (units[b] ? "," : "") u
	}
	value[b, u, field("peer"), p] = field("went") field("median")
}
END {
	head = "| ns, "
	rule = "|---|"
	for (p = 1; p <= nprocs; p++) head = head (p > 1 ? " / " : "") procs[p] "P"
	for (p = 1; p <= peers; p++) { head = head " | " name[p]; rule = rule "---|" }
	print head " |"
	print rule
	for (l = 1; l <= lines; l++) {
		b = order[l]
		n = split(units[b], us, ",")
		for (i = 1; i <= n; i++) {
			title = us[i]
			gsub(/-/, " ", title)
			if (kind[b] == "yes") row(b, us[i], what[b])
			# A run that went wrong reports no unit but the default.
			else if (us[i] != "ns/op" || n == 1)
				row(b, us[i], what[b] ": " title)
		}
	}
	print ""
	print run ", on " machine ", load " load " at the start."
	print "P: procs, worker threads. -: it has none of that. hung, fails, wrong: what"
	print "came of it instead of a figure. ms: of all columns in that row."
	print "With " version "."
}
