/* tls_test.c - TLS between two goroutines, and what must not pass for it. */
#define TEST_PROCS_ALL
#include "harness.h"
#include <millrace.h>
#include <millrace/tls.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* libcrypto is not instrumented: TSan does not see what orders goroutines in there. */
#define TLS_TEST(name) \
	TEST(tls, name, .env = "TSAN_OPTIONS=ignore_noninstrumented_modules=1")

static char folder[] = "/tmp/millrace-tls-XXXXXX";

static context *bg(void)
{
	return ctx_background();
}

static const char *path(const char *name)
{
	static char text[4][100];
	static int next;
	char *t = text[next++ % 4];

	snprintf(t, sizeof text[0], "%s/%s", folder, name);
	return t;
}

static void clean_up(void)
{
	char cmd[100];

	snprintf(cmd, sizeof cmd, "rm -rf %s", folder);
	if (system(cmd) != 0)
		perror(cmd);
}

/* One certificate, that signs itself, for the name "server". */
static void make_certificates(void)
{
	char cmd[1000];

	CHECK(mkdtemp(folder) != NULL);
	atexit(clean_up);
	snprintf(cmd, sizeof cmd,
		 "cd %s && for i in one other; do openssl req -x509 -newkey ec -pkeyopt "
		 "ec_paramgen_curve:prime256v1 -nodes -keyout $i.key -out $i.crt -days 2 "
		 "-subj /CN=$i -addext subjectAltName=DNS:server,IP:127.0.0.1 2>/dev/null "
		 "|| exit 1; done", folder);
	CHECK_EQ(system(cmd), 0);
}

static void make_pair(net_conn *c[2])
{
	char at[NET_ADDRESS];
	net_conn *l;

	CHECK_EQ(net_listen(bg(), "tcp", "127.0.0.1:0", &l), 0);
	CHECK_EQ(net_local(l, at, sizeof at), 0);
	CHECK_EQ(net_dial(bg(), "tcp", at, &c[0]), 0);
	CHECK_EQ(net_accept(bg(), l, &c[1]), 0);
	CHECK_EQ(net_close(l), 0);
}

static mr_tls_config *server(void)
{
	mr_tls_config *c = mr_tls_server_new();

	CHECK(c != NULL);
	CHECK_EQ(mr_tls_identity(c, path("one.crt"), path("one.key")), 0);
	return c;
}

static mr_tls_config *client(const char *trusted)
{
	mr_tls_config *c = mr_tls_client_new();

	CHECK(c != NULL);
	if (trusted)
		CHECK_EQ(mr_tls_trust(c, path(trusted)), 0);
	return c;
}

/* ------------------------------------------------------------------- echo -- */

static void echo(mr_tls_config *config, net_conn *conn, waitgroup *wg)
{
	char *buf = malloc(50000);
	mr_tls *t;
	ssize_t n;

	CHECK_EQ(mr_tls_accept(bg(), config, conn, &t), 0);
	while ((n = mr_tls_read(bg(), t, buf, 50000)) > 0)
		CHECK_EQ(mr_tls_write(bg(), t, buf, (size_t)n), n);
	CHECK_EQ(n, 0);
	mr_tls_close(t);
	free(buf);
	wg_done(wg);
}

enum { MUCH = 2 << 20 };

static void send_much(mr_tls *t, const char *all, waitgroup *wg)
{
	CHECK_EQ(mr_tls_write(bg(), t, all, MUCH), MUCH);
	CHECK_EQ(mr_tls_close_write(bg(), t), 0);
	CHECK_EQ(mr_tls_write(bg(), t, "x", 1), -EPIPE);
	wg_done(wg);
}

/* Both ways at once, more than the kernel holds: nobody may wait for the other. */
TLS_TEST(much_there_and_back)
{
	char *all = malloc(MUCH), *back = malloc(MUCH);
	mr_tls_config *s, *k;
	waitgroup wg = {0};
	net_conn *c[2];
	size_t at = 0;
	mr_tls *t;
	ssize_t n;

	make_certificates();
	s = server();
	k = client("one.crt");
	make_pair(c);
	wg_add(&wg, 2);
	go(echo, s, c[1], &wg);
	CHECK_EQ(mr_tls_connect(bg(), k, c[0], "server", &t), 0);
	for (int i = 0; i < MUCH; i++)
		all[i] = (char)(i * 7 + i / 1000);
	go(send_much, t, all, &wg);
	while ((n = mr_tls_read(bg(), t, back + at, MUCH - at)) > 0)
		at += (size_t)n;
	CHECK_EQ(n, 0);
	CHECK_EQ(at, MUCH);
	CHECK(memcmp(all, back, MUCH) == 0);
	wg_wait(&wg);
	mr_tls_close(t);
	mr_tls_config_free(s);
	mr_tls_config_free(k);
	mr_tls_config_free(NULL);
	free(all);
	free(back);
}

static void ask(mr_tls_config *config, net_conn *conn, int i, waitgroup *wg)
{
	char text[20], back[20];
	int n = snprintf(text, sizeof text, "%d", i);
	mr_tls *t;

	CHECK_EQ(mr_tls_connect(bg(), config, conn, "127.0.0.1", &t), 0);
	for (int k = 0; k < 5; k++) {
		CHECK_EQ(mr_tls_write(bg(), t, text, (size_t)n), n);
		CHECK_EQ(mr_tls_read(bg(), t, back, sizeof back), n);
		CHECK(memcmp(text, back, (size_t)n) == 0);
	}
	mr_tls_close(t);
	wg_done(wg);
}

TLS_TEST(many)
{
	mr_tls_config *s, *k;
	waitgroup wg = {0};

	make_certificates();
	s = server();
	k = client("one.crt");
	wg_add(&wg, 100);
	for (int i = 0; i < 50; i++) {
		net_conn *c[2];

		make_pair(c);
		go(echo, s, c[1], &wg);
		go(ask, k, c[0], i, &wg);
	}
	wg_wait(&wg);
	mr_tls_config_free(s);
	mr_tls_config_free(k);
}

/* ------------------------------------------------------------ whom to trust -- */

static void accepts(mr_tls_config *config, net_conn *conn, int expected, waitgroup *wg)
{
	mr_tls *t;
	char c;
	int rc = mr_tls_accept(bg(), config, conn, &t);

	/* With TLS 1.3 who is refused has already been let in. */
	if (rc == 0) {
		rc = (int)mr_tls_read(bg(), t, &c, 1);
		mr_tls_close(t);
	} else {
		net_close(conn);
	}
	CHECK_EQ(rc, expected);
	wg_done(wg);
}

static int connects(mr_tls_config *k, const char *name, int at_server)
{
	mr_tls_config *s = server();
	waitgroup wg = {0};
	net_conn *c[2];
	char text[256];
	mr_tls *t;
	int rc;

	make_pair(c);
	wg_add(&wg, 1);
	go(accepts, s, c[1], at_server, &wg);
	rc = mr_tls_connect(bg(), k, c[0], name, &t);
	mr_tls_error(k, text, sizeof text);
	fprintf(stderr, "%s: %d, %s\n", name, rc, text);
	if (rc == 0)
		mr_tls_close(t);
	else
		net_close(c[0]);
	wg_wait(&wg);
	mr_tls_config_free(s);
	mr_tls_config_free(k);
	return rc;
}

TLS_TEST(who_is_trusted)
{
	mr_tls_config *anybody;

	make_certificates();
	CHECK_EQ(connects(client("one.crt"), "server", 0), 0);
	CHECK_EQ(connects(client("one.crt"), "127.0.0.1", 0), 0);
	CHECK_EQ(connects(client("one.crt"), "another", -EPROTO), -EKEYREJECTED);
	CHECK_EQ(connects(client("one.crt"), "127.0.0.2", -EPROTO), -EKEYREJECTED);
	CHECK_EQ(connects(client("other.crt"), "server", -EPROTO), -EKEYREJECTED);
	/* By default, whom the system trusts. */
	CHECK_EQ(connects(client(NULL), "server", -EPROTO), -EKEYREJECTED);
	anybody = client(NULL);
	mr_tls_trust_anybody(anybody);
	CHECK_EQ(connects(anybody, "another", 0), 0);
}

TLS_TEST(clients_are_verified)
{
	for (int known = 0; known < 2; known++) {
		mr_tls_config *s, *k;
		waitgroup wg = {0};
		net_conn *c[2];
		mr_tls *t;
		char b;

		if (!known)
			make_certificates();
		s = server();
		k = client("one.crt");
		CHECK_EQ(mr_tls_trust(s, path("one.crt")), 0);
		if (known)
			CHECK_EQ(mr_tls_identity(k, path("one.crt"), path("one.key")), 0);
		make_pair(c);
		wg_add(&wg, 1);
		go(accepts, s, c[1], known ? 0 : -EPROTO, &wg);
		CHECK_EQ(mr_tls_connect(bg(), k, c[0], "server", &t), 0);
		if (!known)
			CHECK_EQ(mr_tls_read(bg(), t, &b, 1), -EPROTO);
		mr_tls_close(t);
		wg_wait(&wg);
		mr_tls_config_free(s);
		mr_tls_config_free(k);
	}
}

TLS_TEST(files_that_are_wrong)
{
	mr_tls_config *s = mr_tls_server_new();
	char text[256];

	make_certificates();
	CHECK_EQ(mr_tls_identity(s, path("none"), path("one.key")), -ENOKEY);
	mr_tls_error(s, text, sizeof text);
	CHECK(strstr(text, "No such file") != NULL);
	CHECK_EQ(mr_tls_identity(s, path("one.crt"), path("other.key")), -ENOKEY);
	CHECK_EQ(mr_tls_identity(s, path("one.key"), path("one.key")), -ENOKEY);
	CHECK_EQ(mr_tls_trust(s, path("none")), -ENOKEY);
	mr_tls_config_free(s);
}

/* ------------------------------------------------------------ rough partners -- */

static void hangs_up(mr_tls_config *config, net_conn *conn)
{
	mr_tls *t;

	CHECK_EQ(mr_tls_accept(bg(), config, conn, &t), 0);
	CHECK_EQ(mr_tls_write(bg(), t, "half", 4), 4);
	net_close(conn);                /* and says nothing: as somebody between us would */
	mr_tls_close(t);
	mr_tls_config_free(config);
}

TLS_TEST(hanging_up_is_no_end)
{
	mr_tls_config *s, *k;
	net_conn *c[2];
	char buf[10];
	mr_tls *t;

	make_certificates();
	s = server();
	k = client("one.crt");
	make_pair(c);
	go(hangs_up, s, c[1]);
	CHECK_EQ(mr_tls_connect(bg(), k, c[0], "server", &t), 0);
	CHECK_EQ(mr_tls_read(bg(), t, buf, sizeof buf), 4);
	CHECK_EQ(mr_tls_read(bg(), t, buf, sizeof buf), -EPROTO);
	mr_tls_close(t);
	mr_tls_config_free(k);
}

static void talks_nonsense(net_conn *conn)
{
	char buf[1000];

	CHECK_EQ(net_write(bg(), conn, "GET / HTTP/1.1\r\n\r\n", 18), 18);
	while (net_read(bg(), conn, buf, sizeof buf) > 0)
		;
	net_close(conn);
}

TLS_TEST(what_is_no_tls)
{
	mr_tls_config *s, *k;
	net_conn *c[2];
	context *soon;
	mr_tls *t;

	make_certificates();
	s = server();
	k = client("one.crt");
	make_pair(c);
	go(talks_nonsense, c[1]);
	CHECK_EQ(mr_tls_connect(bg(), k, c[0], "server", &t), -EPROTO);
	CHECK_EQ(net_close(c[0]), 0);
	make_pair(c);
	go(talks_nonsense, c[0]);
	CHECK_EQ(mr_tls_accept(bg(), s, c[1], &t), -EPROTO);
	CHECK_EQ(net_close(c[1]), 0);
	/* Nobody says anything. */
	make_pair(c);
	soon = ctx_with_timeout(bg(), 5 * MILLISECOND);
	CHECK_EQ(mr_tls_accept(soon, s, c[1], &t), -ETIMEDOUT);
	CHECK_EQ(net_close(c[1]), 0);
	CHECK_EQ(net_close(c[0]), 0);
	ctx_free(soon);
	mr_tls_config_free(s);
	mr_tls_config_free(k);
}

/* ------------------------------------------------------ OpenSSL's own client -- */

static void serve_one(mr_tls_config *config, net_conn *l, waitgroup *wg)
{
	net_conn *c;

	CHECK_EQ(net_accept(bg(), l, &c), 0);
	echo(config, c, wg);
}

TLS_TEST(s_client)
{
	char at[NET_ADDRESS], cmd[300], line[20] = "";
	waitgroup wg = {0};
	mr_tls_config *s;
	net_conn *l;
	proc *p;

	make_certificates();
	s = server();
	CHECK_EQ(net_listen(bg(), "tcp", "127.0.0.1:0", &l), 0);
	CHECK_EQ(net_local(l, at, sizeof at), 0);
	wg_add(&wg, 1);
	go(serve_one, s, l, &wg);
	snprintf(cmd, sizeof cmd,
		 "(echo hello; sleep 1) | openssl s_client -quiet -no_ign_eof -verify_return_error "
		 "-CAfile %s -connect %s 2>/dev/null", path("one.crt"), at);
	CHECK_EQ(proc_run(bg(), (char *[]){ (char[]){ "sh" }, (char[]){ "-c" }, cmd, NULL },
			  &(proc_opts){ .out = PROC_PIPE }, &p), 0);
	CHECK_EQ(io_readfull(bg(), proc_out(p), line, 6), 6);
	CHECK(strcmp(line, "hello\n") == 0);
	chan_recv(proc_exited(p));
	proc_free(p);
	net_close(l);
	wg_wait(&wg);
	mr_tls_config_free(s);
}
