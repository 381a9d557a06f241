# work.awk - whether a program did what it was to do: reads lines.txt and its output, for
# the benchmark `name`. Work that is not reported, or not n times that of an op, is wrong.
FILENAME ~ /lines\.txt$/ {
	split($0, f, " *[|] *")
	if (f[1] == name) per_op = f[2]
	next
}
/^Benchmark/ {
	seen = 1
	work = "none"
	for (i = 3; i < NF; i += 2) if ($(i + 1) == "work") work = $i
	if (per_op != "" && per_op != "-" && work + 0 != per_op * $2) {
		printf "%s ops should do %.0f, not %s\n", $2, per_op * $2, work
		wrong = 1
	}
}
END { exit wrong || !seen }
