# plot.awk - `report.sh plot SCALE.json SERIES`: one series of scale.sh as a picture, ns
# per op over the number, both logarithmic; the bars go from the least to the most.
function log10(v) { return log(v) / log(10) }
function px(v)
{
	if (right <= left) return LEFT + W / 2
	return LEFT + (log10(v) - left) / (right - left) * W
}
function py(v) { return TOP + H - (log10(v) - low) / (high - low) * H }
function floor(v) { return v == int(v) || v > 0 ? int(v) : int(v) - 1 }
function power(e) { return e < 4 ? 10 ^ e : "10^" e }
BEGIN { LEFT = 60; TOP = 50; W = 480; H = 240 }
/"series"/ && field("series") == series && field("median") != "" {
	x = field("x") + 0
	who = field("peer")
	if (!(who in known)) { known[who]; peer[++peers] = who }
	i = ++n[who]
	xs[who, i] = x
	mid[who, i] = field("median")
	lo[who, i] = field("least") + 0
	hi[who, i] = field("most") + 0
	if (!points || x < min_x) min_x = x
	if (x > max_x) max_x = x
	if (!points || lo[who, i] < min_y) min_y = lo[who, i]
	if (hi[who, i] > max_y) max_y = hi[who, i]
	points++
	if (!(x in at)) { at[x]; tick[++ticks] = x }
}
END {
	if (!points) { print "no such series: " series >"/dev/stderr"; exit 1 }
	left = log10(min_x); right = log10(max_x)
	low = floor(log10(min_y)); high = floor(log10(max_y)) + 1
	split("#000000 #1f77b4", color, " ")
	svg(580, 340)
	label(10, 18, series ": ns/op", " font-size=\"14\"")
	for (e = low; e <= high; e++) {
		line(LEFT, py(10 ^ e), LEFT + W, py(10 ^ e), "#ddd")
		label(LEFT - 6, py(10 ^ e) + 4, power(e), " text-anchor=\"end\"")
	}
	for (i = 1; i <= ticks; i++) {
		x = tick[i]
		line(px(x), TOP, px(x), TOP + H, "#eee")
		label(px(x), TOP + H + 16, x < 10000 ? x : power(log10(x)),
			" text-anchor=\"middle\"")
	}
	for (p = 1; p <= peers; p++) {
		who = peer[p]
		label(LEFT + 90 * (p - 1), 36, who, " fill=\"" color[p] "\"")
		path = ""
		for (i = 1; i <= n[who]; i++) {
			x = px(xs[who, i]); y = py(mid[who, i])
			path = path sprintf(" %.1f,%.1f", x, y)
			line(x, py(lo[who, i]), x, py(hi[who, i]), color[p])
			printf "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"3\" fill=\"%s\"/>\n",
				x, y, color[p]
		}
		printf "<polyline points=\"%s\" fill=\"none\" ", substr(path, 2)
		printf "stroke=\"%s\"/>\n", color[p]
	}
	print "</svg>"
}
