# json.awk - what the others share. The value of a key in $0, one object a line as run.sh
# and scale.sh write them.
function field(key,    s)
{
	if (!match($0, "\"" key "\": (\"[^\"]*\"|[^,}]*)")) return ""
	s = substr($0, RSTART + length(key) + 4, RLENGTH - length(key) - 4)
	gsub(/"/, "", s)
	return s
}
# 1234.5 is "1,235"; a word, what went wrong, is left; nothing is "-".
function number(v,    s, n)
{
	if (v ~ /^[a-z]/ || v == "") return v == "" ? "-" : v
	v += 0
	if (v < 10) return sprintf("%.1f", v)
	s = sprintf("%.0f", v)
	for (n = length(s) - 3; n > 0; n -= 3) s = substr(s, 1, n) "," substr(s, n + 1)
	return s
}
# Elements of SVG.
function text(s)
{
	gsub(/&/, "\\&amp;", s); gsub(/</, "\\&lt;", s)
	return s
}
function label(x, y, what, more)
{
	printf "<text x=\"%.1f\" y=\"%.1f\"%s>%s</text>\n", x, y, more, text(what)
}
function line(x1, y1, x2, y2, stroke)
{
	printf "<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" stroke=\"%s\"/>\n",
		x1, y1, x2, y2, stroke
}
function svg(width, height)
{
	printf "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" ",
		width, height
	print "font-family=\"sans-serif\" font-size=\"11\">"
	print "<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>"
}
