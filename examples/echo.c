/* echo.c - a server that sends back what it is sent.
 *
 *     echo PORT
 *
 * A goroutine for each connection, straight code in each. SIGINT or SIGTERM ends a
 * context: the accept returns, and so does every read, so all connections end and main
 * can wait for them. */
#include <millrace.h>

#include <signal.h>
#include <stdio.h>
#include <string.h>

static void serve(context *ctx, net_conn *conn, waitgroup *serving)
{
	char buf[4096];
	ssize_t n;

	defer(wg_done, serving);
	defer(net_close, conn);
	while ((n = net_read(ctx, conn, buf, sizeof buf)) > 0)
		if (net_write(ctx, conn, buf, (size_t)n) != n)
			return;
}

int main(int argc, char **argv)
{
	context *ctx = signal_context(ctx_background(), SIGINT, SIGTERM);
	char address[NET_ADDRESS];
	waitgroup serving = {0};
	net_conn *listener, *conn;
	int err;

	if (argc != 2) {
		fprintf(stderr, "usage: echo PORT\n");
		return 2;
	}
	snprintf(address, sizeof address, "127.0.0.1:%s", argv[1]);
	err = net_listen(ctx, "tcp", address, &listener);
	if (err) {
		fprintf(stderr, "echo: %s: %s\n", address, strerror(-err));
		return 1;
	}
	net_local(listener, address, sizeof address);
	printf("listening on %s\n", address);
	fflush(stdout);

	while ((err = net_accept(ctx, listener, &conn)) == 0) {
		wg_add(&serving, 1);
		go(serve, ctx, conn, &serving);
	}
	net_close(listener);
	wg_wait(&serving);
	if (!ctx_err(ctx)) {
		fprintf(stderr, "echo: accept: %s\n", strerror(-err));
		return 1;
	}
	ctx_free(ctx);
	return 0;
}
