# rows.awk - the rows of one benchmark, `name` with `procs`, one a unit: medians, spreads
# and ratios of "WHO value unit" lines, in the order of `all`, whose first is millrace;
# and an object a line for the results, appended to the file `json`.
function number(v)
{
	return sprintf(v < 10 ? "%.2f" : v < 100 ? "%.1f" : "%.0f", v)
}
function median(who, unit,    n, i, j, t, a)
{
	n = count[who, unit]
	for (i = 1; i <= n; i++) {
		t = value[who, unit, i]
		for (j = i - 1; j > 0 && a[j] > t; j--) a[j + 1] = a[j]
		a[j + 1] = t
	}
	least = a[1]; most = a[n]
	return n % 2 ? a[(n + 1) / 2] : (a[n / 2] + a[n / 2 + 1]) / 2
}
function record(who, unit, rest)
{
	printf "{\"bench\": \"%s\", \"procs\": %d, \"unit\": \"%s\", ", name, procs,
		unit >>json
	printf "\"peer\": \"%s\", %s}\n", who, rest >>json
}
function cell(who, unit,    m)
{
	if (bad[who]) {
		record(who, unit, "\"went\": \"" bad[who] "\"")
		return sprintf("%10s %6s", bad[who], "")
	}
	if (!count[who, unit]) return sprintf("%10s %6s", "-", "")
	m = median(who, unit)
	record(who, unit, sprintf("\"median\": %.6g, \"least\": %.6g, \"most\": %.6g, %s",
		m, least, most, "\"runs\": " count[who, unit]))
	return sprintf("%10s %6s", number(m / scale),
		sprintf("+-%.0f%%", m > 0 ? 50 * (most - least) / m : 0))
}
NF == 2 { bad[$1] = $2; next }
{
	if (!($3 in seen)) { seen[$3]; order[++units] = $3 }
	value[$1, $3, ++count[$1, $3]] = $2 + 0
}
END {
	peers = split(all, peer, " ")
	if (!units) order[++units] = "ns/op"
	for (u = 1; u <= units; u++) {
		unit = order[u]
		ours = count[peer[1], unit] && !bad[peer[1]] ? median(peer[1], unit) : 0
		scale = unit == "ns/op" && ours >= 1e6 ? 1e6 : 1
		row = name " " (unit != "ns/op" ? unit : scale > 1 ? "ms" : "ns")
		line = sprintf("%-34s %5s %s", row, procs, cell(peer[1], unit))
		for (p = 2; p <= peers; p++) {
			theirs = 0
			if (count[peer[p], unit] && !bad[peer[p]])
				theirs = median(peer[p], unit)
			line = line cell(peer[p], unit) sprintf(" %6s",
				ours && theirs ? sprintf("%.2f", ours / theirs) : "")
		}
		print line
	}
}
