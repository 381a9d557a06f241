#!/bin/sh
# check_install.sh - `make install`, and a program outside the tree built against it.
#
# Environment: MAKE, CC. Looks at both libraries, the names they export, millrace.pc, and
# that uninstall leaves nothing. Needs no pkg-config, but asks it where there is one.
MAKE=${MAKE:-make} CC=${CC:-cc}
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
passed=0 failed=0
verdict()                       # name, why it failed or ""
{
	if [ -z "$2" ]; then echo "ok install $1"; passed=$((passed + 1))
	else echo "FAIL install $1: $2"; failed=$((failed + 1)); fi
}
quiet() { "$@" >"$tmp/log" 2>&1 || { cat "$tmp/log"; return 1; }; }

# Of an outer make keep what it was told to build, not its job server.
case ${MAKEFLAGS-} in
*' -- '*) export MAKEFLAGS=" -- ${MAKEFLAGS#* -- }" ;;
*) unset MAKEFLAGS ;;
esac
unset MFLAGS MAKELEVEL
quiet "$MAKE" -s install PREFIX="$tmp/usr" LIBDIR="$tmp/usr/lib" CC="$CC"
verdict "with PREFIX" "$([ -f "$tmp/usr/lib/libmillrace.a" ] || echo 'no libmillrace.a'
	[ -f "$tmp/usr/share/millrace/millrace-gdb.py" ] || echo 'no millrace-gdb.py')"
quiet "$MAKE" -s install PREFIX=/opt/x LIBDIR=/opt/x/lib64 DESTDIR="$tmp/dest" CC="$CC"
verdict "with DESTDIR and LIBDIR" "$(
	[ -f "$tmp/dest/opt/x/lib64/libmillrace.so" ] || echo 'no libmillrace.so'
	grep -q '^libdir=/opt/x/lib64' "$tmp/dest/opt/x/lib64/pkgconfig/millrace.pc" ||
		echo 'wrong libdir in millrace.pc')"

pc()                            # --cflags or --libs, and a package if not millrace
{
	if command -v pkg-config >/dev/null; then
		PKG_CONFIG_PATH="$tmp/usr/lib/pkgconfig" pkg-config "$1" "${2:-millrace}"
		return
	fi
	case $1 in --cflags) key=Cflags ;; *) key=Libs ;; esac
	sed -n "s/^$key: //p" "$tmp/usr/lib/pkgconfig/millrace.pc" |
		sed "s|\${includedir}|$tmp/usr/include|; s|\${libdir}|$tmp/usr/lib|"
}
cat >"$tmp/prog.c" <<'END'
#include <millrace.h>
#include <stdio.h>
static void produce(send_chan(int) out)
{
	defer(chan_close, out);
	for (int i = 1; i <= 3; i++)
		chan_send(out, i);
}
int main(void)
{
	chan(int) ch = chan_make(int);
	go(produce, ch);
	chan_range(v, ch)
		printf("%d\n", v);
	chan_free(ch);
	return 0;
}
END
want='1
2
3'
why=
(cd "$tmp" && $CC prog.c $(pc --cflags) $(pc --libs) -o shared) || why='it does not build'
[ -n "$why" ] || [ "$(LD_LIBRARY_PATH=$tmp/usr/lib "$tmp/shared")" = "$want" ] ||
	why='it prints something else'
verdict "a program with the shared library" "$why"
why=
(cd "$tmp" && $CC prog.c $(pc --cflags) usr/lib/libmillrace.a -pthread -o static) ||
	why='it does not build'
[ -n "$why" ] || [ "$("$tmp/static")" = "$want" ] || why='it prints something else'
verdict "a program with the static library" "$why"

# The add-on, where there is OpenSSL for it.
if [ -f "$tmp/usr/lib/libmillrace-tls.a" ] && command -v pkg-config >/dev/null; then
	cat >"$tmp/tls.c" <<'END'
#include <millrace.h>
#include <millrace/tls.h>
#include <stdio.h>
int main(void)
{
	mr_tls_config *config = mr_tls_client_new();
	char why[200];
	int rc = mr_tls_trust(config, "/nonexistent");
	mr_tls_error(config, why, sizeof why);
	printf("%d %d\n", rc == -ENOKEY, why[0] != 0);
	mr_tls_config_free(config);
	return 0;
}
END
	tls=$tmp/usr/lib/libmillrace-tls
	for how in shared static; do
		why=
		case $how in
		shared) libs=$(pc --libs millrace-tls) ;;
		*) libs="$tls.a $tmp/usr/lib/libmillrace.a -lssl -lcrypto -pthread" ;;
		esac
		(cd "$tmp" && $CC tls.c $(pc --cflags millrace-tls) $libs -o tls-$how) ||
			why='it does not build'
		[ -n "$why" ] ||
			[ "$(LD_LIBRARY_PATH=$tmp/usr/lib "$tmp/tls-$how")" = "1 1" ] ||
			why='it prints something else'
		verdict "a program with TLS and the $how library" "$why"
	done
	if command -v nm >/dev/null; then
		verdict "TLS exports only mr_tls_*" "$(nm -D --defined-only "$tls.so" |
			awk '$2 ~ /[A-TV-Z]/ && $3 !~ /^mr_tls_/ { print $3 }')"
	fi
fi

so=$tmp/usr/lib/libmillrace.so
if command -v nm >/dev/null && command -v readelf >/dev/null; then
	verdict "exports only mr_*" \
		"$(nm -D --defined-only "$so" | awk '$2 ~ /[A-TV-Z]/ && $3 !~ /^mr_/ { print $3 }')"
	verdict "soname, nodelete, now" "$(for f in 'libmillrace.so.0' NODELETE NOW; do
		readelf -d "$so" | grep -q "$f" || echo "no $f"; done)"
	verdict "no executable stack, no text relocations" "$(
		readelf -lW "$so" | grep GNU_STACK | grep -q RWE && echo 'executable stack'
		readelf -d "$so" | grep TEXTREL)"
fi

if command -v python3 >/dev/null && command -v clang >/dev/null; then
	verdict "millrace-vet" "$("$tmp/usr/share/millrace/vet/millrace-vet" "$tmp/prog.c" 2>&1)"
fi
quiet "$MAKE" -s uninstall PREFIX="$tmp/usr" LIBDIR="$tmp/usr/lib" CC="$CC"
verdict "uninstall" "$(find "$tmp/usr" ! -type d)"
echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
