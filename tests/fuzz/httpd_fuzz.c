/* httpd_fuzz.c - a libFuzzer target: bytes of a client of examples/httpd.c. Whatever comes,
 * it answers in HTTP/1.1 or hangs up, and the connection ends. */
#include <stdint.h>
#define HTTPD_NO_MAIN
#ifndef HTTPD
#define HTTPD "../../examples/httpd.c"
#endif
#include HTTPD

static net_conn *listener;
static char where[NET_ADDRESS];
static context *running;

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc, (void)argv;
	go_lock_thread();               /* the fuzzer is this thread's */
	running = ctx_with_cancel(ctx_background());
	if (net_listen(running, "unix", "@millrace-httpd-fuzz", &listener) < 0 &&
	    net_listen(running, "tcp", "127.0.0.1:0", &listener) < 0)
		abort();
	net_local(listener, where, sizeof where);
	files = open("tests/fuzz", O_RDONLY | O_DIRECTORY);
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	context *bg = ctx_background();
	waitgroup serving = {0};
	net_conn *client, *server;
	size_t got = 0, sent = 0;
	char buf[4096];
	ssize_t n;

	if (net_dial(bg, where[0] == '@' ? "unix" : "tcp", where, &client) < 0 ||
	    net_accept(bg, listener, &server) < 0)
		abort();
	wg_add(&serving, 1);
	go(serve, running, server, &serving);
	/* In two pieces, where the first byte says. */
	if (size) {
		size_t first = (size_t)data[0] * size / 256;

		if (net_write(bg, client, data, first) == (ssize_t)first)
			sent = first;
		go_yield();
		(void)!net_write(bg, client, data + sent, size - sent);
	}
	net_close_write(bg, client);
	net_set_read_deadline(client, time_now() + 20 * SECOND);
	while ((n = net_read(bg, client, buf + got, sizeof buf - got)) > 0)
		got = got + (size_t)n < 12 ? got + (size_t)n : 12;
	if (n == -ETIMEDOUT || (got && memcmp(buf, "HTTP/1.1 ", got < 9 ? got : 9) != 0))
		abort();
	net_close(client);
	wg_wait(&serving);
	return 0;
}
