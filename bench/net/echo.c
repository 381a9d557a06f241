/* echo.c - the server of examples/echo.c without a context, as the one in Go has none.
 *
 *     echo 0 */
#include <millrace.h>
#include <stdio.h>

static void serve(net_conn *conn)
{
	context *bg = ctx_background();
	char buf[4096];
	ssize_t n;

	while ((n = net_read(bg, conn, buf, sizeof buf)) > 0)
		if (net_write(bg, conn, buf, (size_t)n) != n)
			break;
	net_close(conn);
}

int main(void)
{
	context *bg = ctx_background();
	net_conn *listener, *conn;
	char address[NET_ADDRESS];

	if (net_listen(bg, "tcp", "127.0.0.1:0", &listener) < 0)
		return 1;
	net_local(listener, address, sizeof address);
	printf("listening on %s\n", address);
	fflush(stdout);
	while (net_accept(bg, listener, &conn) == 0)
		go(serve, conn);
	return 1;
}
