#!/bin/sh
# plot.sh SCALE.json SERIES - one series of scale.sh as a picture: ns per op over the
# number, both logarithmic; the bars go from the least to the most.
exec awk -v series="$2" '
function field(key,    s)
{
	if (!match($0, "\"" key "\": (\"[^\"]*\"|[^,}]*)")) return ""
	s = substr($0, RSTART + length(key) + 4, RLENGTH - length(key) - 4)
	gsub(/"/, "", s)
	return s
}
function log10(v) { return log(v) / log(10) }
function px(v) { return LEFT + (right > left ? (log10(v) - left) / (right - left) : 0.5) * W }
function py(v) { return TOP + H - (log10(v) - low) / (high - low) * H }
function floor(v) { return v == int(v) || v > 0 ? int(v) : int(v) - 1 }
function power(e) { return e < 4 ? 10 ^ e : "10^" e }
BEGIN { LEFT = 60; TOP = 50; W = 480; H = 240 }
/"series"/ && field("series") == series && field("median") != "" {
	x = field("x") + 0
	who = field("peer")
	if (!(who in known)) { known[who]; peer[++peers] = who }
	n[who]++
	xs[who, n[who]] = x; m[who, n[who]] = field("median")
	lo[who, n[who]] = field("least"); hi[who, n[who]] = field("most")
	if (!points || x < min_x) min_x = x
	if (x > max_x) max_x = x
	if (!points || field("least") + 0 < min_y) min_y = field("least") + 0
	if (field("most") + 0 > max_y) max_y = field("most") + 0
	points++
	at[x]
}
END {
	left = log10(min_x); right = log10(max_x)
	low = floor(log10(min_y)); high = floor(log10(max_y)) + 1
	split("#000000 #1f77b4", color, " ")
	print "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"580\" height=\"340\" " \
		"font-family=\"sans-serif\" font-size=\"11\">"
	print "<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>"
	printf "<text x=\"10\" y=\"18\" font-size=\"14\">%s: ns/op</text>\n", series
	for (e = low; e <= high; e++) {
		y = py(10 ^ e)
		printf "<line x1=\"%d\" x2=\"%d\" y1=\"%.1f\" y2=\"%.1f\" stroke=\"#ddd\"/>" \
			"<text x=\"%d\" y=\"%.1f\" text-anchor=\"end\">%s</text>\n",
			LEFT, LEFT + W, y, y, LEFT - 6, y + 4, power(e)
	}
	for (x in at)
		printf "<line x1=\"%.1f\" x2=\"%.1f\" y1=\"%d\" y2=\"%d\" stroke=\"#eee\"/>" \
			"<text x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">%s</text>\n", px(x), px(x),
			TOP, TOP + H, px(x), TOP + H + 16, x < 10000 ? x : power(log10(x))
	for (p = 1; p <= peers; p++) {
		who = peer[p]
		printf "<text x=\"%d\" y=\"36\" fill=\"%s\">%s</text>\n", LEFT + 90 * (p - 1), color[p], who
		line = ""
		for (i = 1; i <= n[who]; i++) {
			x = px(xs[who, i]); y = py(m[who, i])
			line = line sprintf(" %.1f,%.1f", x, y)
			printf "<line x1=\"%.1f\" x2=\"%.1f\" y1=\"%.1f\" y2=\"%.1f\" stroke=\"%s\"/>" \
				"<circle cx=\"%.1f\" cy=\"%.1f\" r=\"3\" fill=\"%s\"/>\n",
				x, x, py(lo[who, i]), py(hi[who, i]), color[p], x, y, color[p]
		}
		printf "<polyline points=\"%s\" fill=\"none\" stroke=\"%s\"/>\n", substr(line, 2), color[p]
	}
	print "</svg>"
}' "$1"
