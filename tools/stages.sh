# stages.sh - for check.sh and .ci/run: run stages one by one, then a table and the sum.
#
#	stage NAME COMMAND...   the command ends with "N passed, N failed[, N skipped]";
#	                        one that does not, or ends badly, is one failure
#	skip NAME REASON
#	finish                  prints the table, ends with the sum's status
# LOGS is where the output of each stage is kept. DEADLINE, in seconds since the epoch, is
# when a stage is stopped, which is a failure.

mkdir -p "$LOGS"
table=$LOGS/table
: >"$table"
have() { command -v "$1" >/dev/null 2>&1; }

stage()
{
	name=$1
	shift
	log=$LOGS/$(echo "$name" | tr ' /' '__').log
	printf '== %s: %s\n' "$name" "$*"
	begin=$(date +%s)
	if [ -n "${DEADLINE-}" ]; then
		left=$((DEADLINE - begin))
		timeout -k 10 $((left > 1 ? left : 1)) "$@" >"$log" 2>&1
	else
		"$@" >"$log" 2>&1
	fi
	status=$?
	took=$(($(date +%s) - begin))
	sum=$(grep -v '^make' "$log" | tail -n 1 | grep -E '^[0-9]+ passed, [0-9]+ failed(, [0-9]+ skipped)?$')
	case "$status $sum" in
	"0 "?*" 0 failed"*) ;;
	*)
		case $sum in
		"") echo "no summary, status $status" >>"$log"; sum="0 passed, 1 failed" ;;
		*" 0 failed"*) echo "status $status" >>"$log"; sum="0 passed, 1 failed" ;;
		esac
		tail -n 200 "$log" ;;
	esac
	printf '%s|%s|%s s\n' "$name" "$sum" "$took" >>"$table"
	echo "   $sum, $took s"
}

skip()
{
	echo "== $1: skipped: $2"
	printf '%s|skipped: %s|\n' "$1" "$2" >>"$table"
}

finish()
{
	echo
	awk -F'|' '
		{ printf "%-24s %-40s %8s\n", $1, $2, $3; split($2, n, /[^0-9]+/) }
		$2 !~ /^skipped/ { p += n[1]; f += n[2]; s += n[3] }
		END {
			printf "%d passed, %d failed%s\n", p, f, s ? ", " s " skipped" : ""
			exit f != 0
		}' "$table"
}
