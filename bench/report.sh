#!/bin/sh
# report.sh ratios|table RESULT.json - of a file that run.sh has written: an SVG of the
# ratios, or the README's table in Markdown;
# report.sh scale SCALE.json, report.sh plot SCALE.json SERIES - of scale.sh's: Markdown
# of all series, or an SVG of one.
here=$(dirname "$0")
lines=
case $1 in table|scale) lines=$here/lines.txt ;; esac
exec awk -v series="${3:-}" -f "$here/report/json.awk" -f "$here/report/$1.awk" \
	$lines "$2"
