/* proxy.c - passes TCP connections on to another server.
 *
 *     proxy PORT HOST:PORT
 *
 * Two goroutines a connection, one for each way. When one side has said all it had, the
 * other side is told, and may still answer: a half-close is kept. What goes wrong on one
 * way ends both. */
#include <millrace.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CHUNK = 16 * 1024, DIAL = 10 /* s */ };

/* Copies until `from` has ended; -1: it was no good end. */
static int copy(context *ctx, net_conn *from, net_conn *to)
{
	char *buf = malloc(CHUNK);
	ssize_t n;

	if (!buf)
		return -1;
	defer(free, buf);
	while ((n = net_read(ctx, from, buf, CHUNK)) > 0)
		if (net_write(ctx, to, buf, (size_t)n) != n)
			return -1;
	if (n < 0)
		return -1;
	return net_close_write(ctx, to) < 0 ? -1 : 0;
}

static void pass(context *ctx, net_conn *client, const char *target, waitgroup *passing)
{
	defer(wg_done, passing);
	defer(net_close, client);
	context *dialing = ctx_with_timeout(ctx, DIAL * SECOND), *both;
	net_conn *server;
	int err = net_dial(dialing, "tcp", target, &server);

	ctx_free(dialing);
	if (err) {
		fprintf(stderr, "proxy: %s: %s\n", target, strerror(-err));
		return;
	}
	defer(net_close, server);

	/* The first that fails ends `both`, and with it the other. */
	errgroup *g = eg_make(ctx, &both);

	eg_go(g, copy, both, client, server);
	eg_go(g, copy, both, server, client);
	eg_wait(g);
}

int main(int argc, char **argv)
{
	context *ctx = signal_context(ctx_background(), SIGINT, SIGTERM);
	char address[NET_ADDRESS];
	waitgroup passing = {0};
	net_conn *listener, *conn;
	int err;

	if (argc != 3) {
		fprintf(stderr, "usage: proxy PORT HOST:PORT\n");
		return 2;
	}
	snprintf(address, sizeof address, "127.0.0.1:%s", argv[1]);
	err = net_listen(ctx, "tcp", address, &listener);
	if (err) {
		fprintf(stderr, "proxy: %s: %s\n", address, strerror(-err));
		return 1;
	}
	net_local(listener, address, sizeof address);
	printf("listening on %s\n", address);
	fflush(stdout);
	while (net_accept(ctx, listener, &conn) == 0) {
		wg_add(&passing, 1);
		go(pass, ctx, conn, argv[2], &passing);
	}
	net_close(listener);
	wg_wait(&passing);
	ctx_free(ctx);
	return 0;
}
