# point.awk - a point of a series: of sorted lines "WHO ns", "WHO -" if a run went wrong.
{ v[NR] = $2; if ($2 == "-") wrong = 1 }
END {
	m = NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2
	printf "{\"series\": \"%s\", \"x\": %d, \"peer\": \"%s\", ", name, x, $1
	if (wrong)
		print "\"went\": \"wrong\"}"
	else
		printf "\"median\": %.6g, \"least\": %.6g, \"most\": %.6g}\n",
			m, v[1], v[NR]
}
