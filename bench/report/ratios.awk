# ratios.awk - `report.sh ratios RESULT.json`: the ratios as a picture, a row for each
# benchmark and procs, a dot per peer; left of the line millrace is faster or smaller.
function across(ratio,    v)
{
	v = log(ratio) / log(2)
	v = v < -WIDE ? -WIDE : v > WIDE ? WIDE : v
	return LEFT + (v + WIDE) * (RIGHT - LEFT) / (2 * WIDE)
}
function dot(x, y, fill, title)
{
	printf "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"4\" ", x, y
	printf "fill=\"%s\" fill-opacity=\"0.8\">", fill
	printf "<title>%s</title></circle>\n", text(title)
}
BEGIN { WIDE = 6; LEFT = 260; RIGHT = 860; STEP = 16; TOP = 70 }
/"kernel"/ { machine = field("kernel") ", " field("cpu") ", " field("cores") " CPUs" }
/"rounds"/ {
	run = "medians of " field("rounds") " runs, " field("date") ", " field("commit")
}
/"version"/ && field("peer") != "millrace" { name[++peers] = field("peer") }
/"bench"/ {
	key = field("bench") (field("unit") == "ns/op" ? "" : " " field("unit"))
	key = key SUBSEP field("procs")
	if (!(key in row)) { row[key] = ++rows; keys[rows] = key }
	value[key, field("peer")] = field("median")
}
END {
	split("#1f77b4 #d62728 #2ca02c #9467bd #ff7f0e #8c564b", color, " ")
	bottom = TOP + rows * STEP
	svg(900, bottom + 40)
	label(10, 18, "millrace / peer: time or size", " font-size=\"14\"")
	label(10, 34, machine "; " run, " fill=\"#555\"")
	for (p = 1; p <= peers; p++) {
		dot(270 + 110 * (p - 1), 48, color[p], name[p])
		label(278 + 110 * (p - 1), 52, name[p])
	}
	for (e = -WIDE; e <= WIDE; e += 2) {
		line(across(2 ^ e), TOP - 8, across(2 ^ e), bottom,
			e == 0 ? "#000" : "#ddd")
		label(across(2 ^ e), bottom + 14, e < 0 ? "1/" 2 ^ -e : 2 ^ e,
			" text-anchor=\"middle\"")
	}
	label(LEFT, bottom + 30, "millrace faster", " fill=\"#555\"")
	label(RIGHT, bottom + 30, "peer faster", " fill=\"#555\" text-anchor=\"end\"")
	for (r = 1; r <= rows; r++) {
		split(keys[r], k, SUBSEP)
		y = TOP + (r - 0.5) * STEP
		if (k[1] != last) {
			line(10, y - STEP / 2, 890, y - STEP / 2, "#eee")
			label(10, y + 4, k[1])
		}
		label(240, y + 4, k[2] "P", " text-anchor=\"end\"")
		last = k[1]
		ours = value[keys[r], "millrace"]
		for (p = 1; p <= peers; p++) {
			theirs = value[keys[r], name[p]]
			if (ours > 0 && theirs > 0)
				dot(across(ours / theirs), y, color[p],
					sprintf("%s: %.3g / %.3g = %.2f", name[p], ours,
						theirs, ours / theirs))
		}
	}
	print "</svg>"
}
