# scale.awk - `report.sh scale SCALE.json`: the series of scale.sh as Markdown, a picture
# and a table of each, and what it was measured with.
function ratio(a, b) { return a > 0 && b > 0 ? sprintf("%.2f", a / b) : "-" }
FILENAME ~ /lines\.txt$/ {
	if (split($0, f, " *[|] *") == 4) what[f[1]] = f[4]
	next
}
/"kernel"/ { machine = field("cpu") ", " field("cores") " CPUs, " field("kernel") }
/"rounds"/ {
	run = "Medians of " field("rounds") " rounds by turns, of " field("ms") \
		" ms each at least, " field("date") ", commit " field("commit")
}
/"version"/ {
	name[++peers] = field("peer")
	version = version (peers > 1 ? "; " : "") field("version")
}
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
		printf "\n### %s\n\nAn op: %s.\n\n", s, what[s]
		printf "![%s](scale/%s.svg)\n\n", s, s
		row = "| " (s ~ /^Scale/ ? "N" : "procs") " |"
		rule = "|---|"
		for (p = 1; p <= peers; p++) {
			row = row " " name[p] ", ns |"
			rule = rule "---|"
		}
		print row (peers > 1 ? " ratio |" : "")
		print rule (peers > 1 ? "---|" : "")
		for (i = 1; i <= nx[s]; i++) {
			x = xs[s, i]
			row = "| " (x + 0 < 10 ? x : number(x)) " |"
			for (p = 1; p <= peers; p++)
				row = row " " number(value[s, x, name[p]]) " |"
			if (peers > 1)
				row = row " " ratio(value[s, x, name[1]],
					value[s, x, name[2]]) " |"
			print row
		}
	}
	print ""
}
