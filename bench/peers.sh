# peers.sh - sourced by run.sh and scale.sh: finds and builds the programs to compare, and
# writes results.
#
# peers_build DIR NAME...   builds into DIR; leaves in $tmp, tabs between the fields,
#	programs   name, path; millrace ($bench) first
#	versions   name, what it is
#	missing    "# missing: " and what to install, a line each

C_FLAGS="-O2 -Wall -Wextra"

there()                         # NAME, WHAT TO INSTALL, a command that shows it is there
{
	peer_name=$1 peer_wants=$2
	shift 2
	"$@" >/dev/null 2>&1 && return 0
	echo "# missing: $peer_name ($peer_wants)" >>"$tmp/missing"
	return 1
}
found()                         # NAME, PROGRAM, VERSION
{
	printf '%s\t%s\n' "$1" "$2" >>"$tmp/programs"
	printf '%s\t%s\n' "$1" "$3" >>"$tmp/versions"
}
built()                         # NAME, PROGRAM, MORE, a command that builds it
{
	peer_name=$1 peer_prog=$2 peer_more=$3
	shift 3
	if "$@" >"$tmp/build" 2>&1; then
		found "$peer_name" "$peer_prog" "$("$peer_prog" -V 2>/dev/null)$peer_more"
	else
		echo "# missing: $peer_name (does not build)" >>"$tmp/missing"
		cat "$tmp/build" >&2
	fi
}
compiles()                      # COMPILER, LANGUAGE, HEADER
{
	command -v "$1" && echo "#include <$3>" | "$1" -x "$2" -fsyntax-only -
}
debian() { dpkg-query -W -f '${Version}' "$1" 2>/dev/null; }
go_builds() (cd "$here/peers/go" && GOTOOLCHAIN=local GOFLAGS='' go build -o "$1" .)
cargo_builds()
(
	cd "$here/peers/tokio" && cargo build -q --release --locked --target-dir "$1"
)

peers_build()
{
	peer_dir=$1
	shift
	mkdir -p "$peer_dir"
	: >"$tmp/missing"
	found millrace "$bench" \
		"millrace ${BENCH_VERSION:-}, ${BENCH_CC:-} ${BENCH_FLAGS:-}"
	for peer; do
		case $peer in
		*=*)
			peer_prog=${peer#*=}
			found "${peer%%=*}" "$peer_prog" \
				"$("$peer_prog" -V 2>/dev/null)" ;;
		Go)
			[ -z "${NOGO:-}" ] && there Go "golang" command -v go &&
			built Go "$peer_dir/go-bench" "$(go version)" \
				go_builds "$peer_dir/go-bench" ;;
		Tokio)
			there Tokio "rust and cargo, from rustup.rs" command -v cargo &&
			built Tokio "$peer_dir/tokio/release/tokio-bench" " --release" \
				cargo_builds "$peer_dir/tokio" ;;
		Boost.Fiber)
			there Boost.Fiber "libboost-fiber-dev" \
				compiles g++ c++ boost/fiber/all.hpp &&
			built Boost.Fiber "$peer_dir/boost" " -O2" \
				g++ $C_FLAGS -std=c++17 -pthread -o "$peer_dir/boost" \
				"$here/peers/boost/main.cpp" \
				-lboost_fiber -lboost_context ;;
		libst)
			there libst "libst-dev" compiles "${CC:-cc}" c st.h &&
			built libst "$peer_dir/st" " -O2" ${CC:-cc} $C_FLAGS \
				-DPEER_VERSION="\"libst $(debian libst-dev)\"" \
				-o "$peer_dir/st" "$here/peers/st/main.c" -lst ;;
		pthreads)
			built pthreads "$peer_dir/pthreads" " -O2" ${CC:-cc} $C_FLAGS \
				-pthread -o "$peer_dir/pthreads" \
				"$here/peers/pthreads/main.c" ;;
		*)
			echo "# missing: $peer (no such peer)" >>"$tmp/missing" ;;
		esac
	done
}

commit_of()                     # with a + if there are changes that are not committed
{
	commit=$(git -C "$here" rev-parse --short HEAD 2>/dev/null || echo unknown)
	git -C "$here" diff --quiet HEAD 2>/dev/null || commit=$commit+
	echo "$commit"
}
results_write()                 # MORE about the run; the results are in $tmp/results
{
	quoted() { printf '"%s"' "$(printf %s "$1" | tr -d '"\\' | tr '\n\t' '  ')"; }
	listed() { sed '$!s/$/,/'; }
	cpu=$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo 2>/dev/null | head -n 1)
	echo '{'
	echo "\"machine\": {\"kernel\": $(quoted "$(uname -srm)")," \
		"\"cpu\": $(quoted "$cpu"), \"cores\": $(nproc)},"
	echo "\"run\": {\"date\": \"$(date -u +%Y-%m-%dT%H:%MZ)\"," \
		"\"commit\": \"$(commit_of)\", \"rounds\": $rounds, $1},"
	echo '"programs": ['
	tr -d '"\\' <"$tmp/versions" | sed 's/ *$//' |
		awk -F'\t' -v form='{"peer": "%s", "version": "%s"}\n' \
			'{ printf form, $1, $2 }' | listed
	echo '],'
	echo '"missing": ['
	sed 's/^# missing: \(.*\)$/"\1"/' "$tmp/missing" | listed
	echo '],'
	echo '"results": ['
	listed <"$tmp/results"
	echo ']'
	echo '}'
}
