#!/bin/sh
# svg.sh RESULT.json - the ratios as a picture: a row per benchmark and procs, a dot per
# peer; left of the line millrace is faster or smaller.
exec awk '
function field(key,    s)
{
	if (!match($0, "\"" key "\": (\"[^\"]*\"|[^,}]*)")) return ""
	s = substr($0, RSTART + length(key) + 4, RLENGTH - length(key) - 4)
	gsub(/"/, "", s)
	return s
}
function x(ratio,    v)
{
	v = log(ratio) / log(2)
	v = v < -WIDE ? -WIDE : v > WIDE ? WIDE : v
	return LEFT + (v + WIDE) * (RIGHT - LEFT) / (2 * WIDE)
}
function text(s)
{
	gsub(/&/, "\\&amp;", s); gsub(/</, "\\&lt;", s)
	return s
}
BEGIN { WIDE = 6; LEFT = 260; RIGHT = 860; STEP = 16; TOP = 70 }
/"kernel"/ { machine = field("kernel") ", " field("cpu") ", " field("cores") " CPUs" }
/"rounds"/ { run = "medians of " field("rounds") " runs, " field("date") ", " field("commit") }
/"version"/ && field("peer") != "millrace" { name[++peers] = field("peer"); rank[name[peers]] = peers }
/"bench"/ {
	key = field("bench") (field("unit") == "ns/op" ? "" : " " field("unit")) SUBSEP field("procs")
	if (!(key in row)) { row[key] = ++rows; keys[rows] = key }
	if (field("median") != "") value[key, field("peer")] = field("median")
	else went[key, field("peer")] = field("went")
}
END {
	split("#1f77b4 #d62728 #2ca02c #9467bd #ff7f0e #8c564b", color, " ")
	bottom = TOP + rows * STEP
	printf "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"900\" height=\"%d\" ", bottom + 40
	print "font-family=\"sans-serif\" font-size=\"11\">"
	print "<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>"
	printf "<text x=\"10\" y=\"18\" font-size=\"14\">millrace / peer: time or size</text>\n"
	printf "<text x=\"10\" y=\"34\" fill=\"#555\">%s; %s</text>\n", text(machine), text(run)
	for (p = 1; p <= peers; p++) {
		at = 270 + 110 * (p - 1)
		printf "<circle cx=\"%d\" cy=\"48\" r=\"4\" fill=\"%s\"/>", at, color[p]
		printf "<text x=\"%d\" y=\"52\">%s</text>\n", at + 8, text(name[p])
	}
	for (e = -WIDE; e <= WIDE; e += 2) {
		printf "<line x1=\"%.1f\" x2=\"%.1f\" y1=\"%d\" y2=\"%d\" stroke=\"%s\"/>",
			x(2 ^ e), x(2 ^ e), TOP - 8, bottom, e == 0 ? "#000" : "#ddd"
		printf "<text x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">%s</text>\n", x(2 ^ e),
			bottom + 14, e < 0 ? "1/" 2 ^ -e : 2 ^ e
	}
	printf "<text x=\"%d\" y=\"%d\" fill=\"#555\">millrace faster</text>\n", LEFT, bottom + 30
	printf "<text x=\"%d\" y=\"%d\" fill=\"#555\" text-anchor=\"end\">peer faster</text>\n",
		RIGHT, bottom + 30
	for (r = 1; r <= rows; r++) {
		split(keys[r], k, SUBSEP)
		y = TOP + (r - 0.5) * STEP
		if (r % 2) printf "<rect x=\"0\" y=\"%.1f\" width=\"900\" height=\"%d\" fill=\"#000\" " \
			"fill-opacity=\"0.03\"/>\n", y - STEP / 2, STEP
		printf "<text x=\"10\" y=\"%.1f\">%s</text>", y + 4, k[1] == last ? "" : text(k[1])
		printf "<text x=\"240\" y=\"%.1f\" text-anchor=\"end\">%sP</text>\n", y + 4, k[2]
		last = k[1]
		ours = value[keys[r], "millrace"]
		for (p = 1; p <= peers; p++) {
			theirs = value[keys[r], name[p]]
			if (ours > 0 && theirs > 0)
				printf "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"4\" fill=\"%s\" " \
					"fill-opacity=\"0.8\"><title>%s: %.3g / %.3g = %.2f</title></circle>\n",
					x(ours / theirs), y, color[p], text(name[p]), ours, theirs, ours / theirs
		}
	}
	print "</svg>"
}' "$1"
