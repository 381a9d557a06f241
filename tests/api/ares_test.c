/* ares_test.c - names by c-ares, from a server of the test's own.
 *
 * c-ares reads /etc/resolv.conf and connects to port 53: here it gets another file, and
 * the port at which the test's server is. libc's getaddrinfo says of each name that it
 * has been asked. */
#define _GNU_SOURCE
#include "waiting.h"
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <millrace/io.h>
#include <millrace/net.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

static const char *places = "hosts: files dns\n";
static const char *settings = "nameserver 127.0.0.1\noptions retrans:200 timeout:1\n";
static in_port_t udp_port, tcp_port;
static uint32_t asked, by_tcp, libc_asked, dead; /* atomic, all */

static uint32_t get(uint32_t *n)
{
	return __atomic_load_n(n, __ATOMIC_SEQ_CST);
}
static void add(uint32_t *n)
{
	__atomic_add_fetch(n, 1, __ATOMIC_SEQ_CST);
}

/* --------------------------------------------------- in the place of libc's -- */

FILE *fopen(const char *name, const char *mode)
{
	FILE *(*real)(const char *, const char *);
	const char *text = NULL;

	if (strcmp(name, "/etc/nsswitch.conf") == 0)
		text = places;
	if (strcmp(name, "/etc/resolv.conf") == 0)
		text = settings;
	if (text)
		return fmemopen((void *)(uintptr_t)text, strlen(text), "r");
	*(void **)&real = dlsym(RTLD_NEXT, "fopen");
	return real(name, mode);
}

int connect(int fd, const struct sockaddr *to, socklen_t size)
{
	int (*real)(int, const struct sockaddr *, socklen_t);
	struct sockaddr_in in;
	int type = 0;
	socklen_t n = sizeof type;

	*(void **)&real = dlsym(RTLD_NEXT, "connect");
	if (size == sizeof in && to->sa_family == AF_INET) {
		memcpy(&in, to, sizeof in);
		if (ntohs(in.sin_port) == 53) {
			getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &n);
			in.sin_port = type == SOCK_STREAM ? tcp_port : udp_port;
		}
		return real(fd, (const struct sockaddr *)&in, sizeof in);
	}
	return real(fd, to, size);
}

int getaddrinfo(const char *host, const char *service, const struct addrinfo *hints,
		struct addrinfo **found)
{
	int (*real)(const char *, const char *, const struct addrinfo *,
		    struct addrinfo **);

	*(void **)&real = dlsym(RTLD_NEXT, "getaddrinfo");
	if (hints->ai_flags & AI_NUMERICHOST)
		return real(host, service, hints, found);
	add(&libc_asked);
	return EAI_NONAME;
}

/* ------------------------------------------------------------- the server -- */

enum { A = 1, AAAA = 28, NO_SUCH_NAME = 3, FAILURE = 2 };

/* The name of the question in q, with dots; where it ends. */
static size_t name_of(const unsigned char *q, size_t n, char *name)
{
	size_t at = 12;

	while (at < n && q[at]) {
		memcpy(name, q + at + 1, q[at]);
		name += q[at];
		*name++ = '.';
		at += q[at] + 1u;
	}
	name[-1] = '\0';
	return at + 1;
}

static size_t put_address(unsigned char *r, int type, int last)
{
	static const unsigned char to_name[] = { 0xc0, 12, 0 };
	unsigned char *p = r;

	memcpy(p, to_name, 3);
	p[3] = (unsigned char)type;
	memcpy(p + 4, "\0\1\0\0\0\0\0", 7);
	p[11] = type == A ? 4 : 16;
	p += 12;
	memset(p, 0, 16);
	if (type == A) {
		memcpy(p, "\177\0\0", 3);
		p[3] = (unsigned char)last;
		return 16;
	}
	p[15] = (unsigned char)last;
	return 28;
}

/* What to say to the question of n bytes in r, over it; 0: nothing. */
static size_t answer(unsigned char *r, size_t n, bool tcp)
{
	char name[256];
	size_t end = name_of(r, n, name) + 4;
	int type = r[end - 3], count = 0, rcode = 0;

	add(&asked);
	if (strcasecmp(name, "slow.test") == 0)
		return 0;
	if (strcasecmp(name, "lost.test") == 0 && get(&asked) <= 2)
		return 0;
	r[2] |= 0x80;
	r[3] = 0x80;
	memset(r + 6, 0, 6);
	if (strcasecmp(name, "big.test") == 0) {
		if (!tcp)
			r[2] |= 2;      /* there is more, ask by TCP */
		else
			add(&by_tcp);
		count = type == A && tcp ? 100 : 0;
	} else if (strcasecmp(name, "both.test") == 0) {
		count = 1;
	} else if (strcasecmp(name, "one.test") == 0 ||
		   strcasecmp(name, "lost.test") == 0) {
		count = type == A;
	} else if (strcasecmp(name, "fails.test") == 0) {
		rcode = FAILURE;
	} else if (strcasecmp(name, "empty.test") != 0) {
		rcode = NO_SUCH_NAME;
	}
	r[3] |= (unsigned char)rcode;
	r[7] = (unsigned char)count;
	for (int i = 1; i <= count; i++)
		end += put_address(r + end, type, i);
	return end;
}

static void serve_udp(net_conn *s)
{
	unsigned char buf[4096];
	net_addr from;
	ssize_t n;

	while ((n = net_readfrom(ctx_background(), s, buf, 512, &from)) > 0) {
		size_t len = answer(buf, (size_t)n, false);

		if (len)
			CHECK_EQ(net_writeto(ctx_background(), s, buf, len, &from), len);
	}
}

/* Two questions may come at once. */
static void serve_client(net_conn *c)
{
	unsigned char in[1024], out[4096];
	size_t have = 0, len, n;
	ssize_t got;

	while ((got = net_read(ctx_background(), c, in + have, sizeof in - have)) > 0) {
		have += (size_t)got;
		while (have > 2 && have >= (n = 2u + in[1])) {
			memcpy(out, in, n);
			have -= n;
			memmove(in, in + n, have);
			len = answer(out + 2, n - 2, true);
			out[0] = (unsigned char)(len >> 8);
			out[1] = (unsigned char)len;
			CHECK_EQ(net_write(ctx_background(), c, out, len + 2), len + 2);
		}
	}
	CHECK_EQ(net_close(c), 0);
}

static void serve_tcp(net_conn *l)
{
	net_conn *c;

	while (net_accept(ctx_background(), l, &c) == 0)
		go(serve_client, c);
}

static in_port_t port_of(net_conn *c)
{
	char at[NET_ADDRESS];

	CHECK_EQ(net_local(c, at, sizeof at), 0);
	return htons((in_port_t)atoi(strrchr(at, ':') + 1));
}

static net_conn *udp, *tcp;

static void start(void)
{
	if (!dlopen("libcares.so.2", RTLD_NOW))
		SKIP("there is no c-ares");
#if !__has_include(<ares.h>)
	SKIP("built without c-ares");
#endif
	CHECK_EQ(net_listen(ctx_background(), "udp", "127.0.0.1:0", &udp), 0);
	CHECK_EQ(net_listen(ctx_background(), "tcp", "127.0.0.1:0", &tcp), 0);
	udp_port = port_of(udp);
	tcp_port = port_of(tcp);
	go(serve_udp, udp);
	go(serve_tcp, tcp);
}

static void stop(void)
{
	CHECK_EQ(net_close(udp), 0);
	CHECK_EQ(net_close(tcp), 0);
	while (go_count() > 1)
		go_yield();
}

static int resolve(context *ctx, const char *address, char *text)
{
	net_addr a;
	int rc = net_resolve(ctx, "tcp", address, &a);

	if (rc == 0)
		net_text(&a, text, NET_ADDRESS);
	return rc;
}

static void expect(const char *address, int rc, const char *is)
{
	char text[NET_ADDRESS] = "";

	CHECK_EQ(resolve(ctx_background(), address, text), rc);
	CHECK_STR(text, is);
}

/* ------------------------------------------------------------------- tests -- */

TEST(ares, finds_names)
{
	start();
	expect("one.test:80", 0, "127.0.0.1:80");
	expect("One.Test.:80", 0, "127.0.0.1:80");
	expect("one.test:http", 0, "127.0.0.1:80");
	expect("one.test:nobodyknows", -ENOENT, "");
	expect("nobody.test:80", -ENOENT, "");
	expect("empty.test:80", -ENOENT, "");
	expect("a..b:80", -ENOENT, "");
	expect("fails.test:80", -EHOSTDOWN, "");
	CHECK_EQ(get(&libc_asked), 0);
	stop();
}

/* Its answer does not fit into a datagram. */
TEST(ares, asks_by_tcp_for_more)
{
	start();
	expect("big.test:80", 0, "127.0.0.1:80");
	CHECK(get(&by_tcp) > 0);
	stop();
}

TEST(ares, asks_again_when_an_answer_is_lost)
{
	start();
	expect("lost.test:80", 0, "127.0.0.1:80");
	CHECK(get(&asked) > 2);
	stop();
}

TEST(ares, of_the_kind_that_was_asked_for)
{
	net_addr a;
	char text[NET_ADDRESS];

	start();
	CHECK_EQ(net_resolve(ctx_background(), "tcp6", "both.test:1", &a), 0);
	net_text(&a, text, sizeof text);
	CHECK_STR(text, "[::1]:1");
	CHECK_EQ(net_resolve(ctx_background(), "udp4", "both.test:1", &a), 0);
	net_text(&a, text, sizeof text);
	CHECK_STR(text, "127.0.0.1:1");
	CHECK_EQ(net_resolve(ctx_background(), "tcp6", "one.test:1", &a), -ENOENT);
	stop();
}

TEST(ares, dials)
{
	char at[NET_ADDRESS], big[NET_ADDRESS];
	net_conn *l, *c;

	start();
	CHECK_EQ(net_listen(ctx_background(), "tcp", "127.0.0.99:0", &l), 0);
	CHECK_EQ(net_local(l, at, sizeof at), 0);
	snprintf(big, sizeof big, "big.test%s", strrchr(at, ':'));
	CHECK_EQ(net_dial(ctx_background(), "tcp", big, &c), 0);
	CHECK_EQ(net_peer(c, big, sizeof big), 0);
	CHECK_STR(big, at);
	CHECK_EQ(net_close(c), 0);
	CHECK_EQ(net_close(l), 0);
	stop();
}

/* ------------------------------------------------------------- many, slow -- */

static int entries(const char *folder)
{
	DIR *d = opendir(folder);
	int n = 0;

	CHECK(d != NULL);
	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

static void wait_in_vain(context *ctx, int rc)
{
	char text[NET_ADDRESS];

	CHECK_EQ(resolve(ctx, "slow.test:1", text), rc);
	add(&dead);
}

/* Each has sockets, and none a thread. */
TEST(ares, many_are_stopped_at_once)
{
	enum { MANY = 150, THREADS = 40 };
	context *ctx = ctx_with_cancel(ctx_background());
	int before, threads;

	start();
	expect("one.test:80", 0, "127.0.0.1:80");
	before = entries("/proc/self/fd");
	for (int i = 0; i < MANY; i++)
		go(wait_in_vain, ctx, -ECANCELED);
	while (get(&asked) < MANY)
		go_yield();
	threads = entries("/proc/self/task");
	CHECK(threads < THREADS);
	CHECK_EQ(get(&dead), 0);
	ctx_cancel(ctx);
	while (get(&dead) < MANY || go_count() > 3)
		go_yield();
	CHECK_EQ(entries("/proc/self/fd"), before);
	ctx_unref(ctx);
	CHECK_EQ(get(&libc_asked), 0);
	stop();
}

TEST(ares, deadline_ends_a_slow_one)
{
	context *ctx = ctx_with_timeout(ctx_background(), 20 * MILLISECOND);
	char text[NET_ADDRESS];

	start();
	CHECK_EQ(resolve(ctx, "slow.test:1", text), -ETIMEDOUT);
	ctx_cancel(ctx);
	ctx_unref(ctx);
	stop();
}

/* Nobody answers: not for ever. */
TEST(ares, gives_up)
{
	start();
	expect("slow.test:1", -EHOSTDOWN, "");
	CHECK(get(&asked) > 1);
	stop();
}

/* The server's port is closed: the kernel says so. */
TEST(ares, no_server)
{
	start();
	stop();
	expect("one.test:80", -EHOSTDOWN, "");
}

/* -------------------------------------------------------------- not for it -- */

TEST(ares, leaves_other_places_to_libc)
{
	static const char *const others[] = {
		"hosts: files mdns4_minimal [NOTFOUND=return] dns\n",
		"# all\npasswd: files\nhosts:\tfiles myhostname\n",
		"hosts: resolve [!UNAVAIL=return] dns\n",
	};
	static const char *const known[] = {
		"hosts: files [NOTFOUND=continue] dns # mdns4\n",
		"hosts: dns files\npasswd: mdns4\n",
		"passwd: files\n",
	};

	start();
	expect("printer.local:80", -ENOENT, "");
	expect("printer.LOCAL.:80", -ENOENT, "");
	CHECK_EQ(get(&libc_asked), 2);
	for (uint32_t i = 0; i < 3; i++) {
		places = others[i];
		expect("one.test:80", -ENOENT, "");
		CHECK_EQ(get(&libc_asked), i + 3);
	}
	for (uint32_t i = 0; i < 3; i++) {
		places = known[i];
		expect("one.test:80", 0, "127.0.0.1:80");
	}
	CHECK_EQ(get(&libc_asked), 5);
	CHECK(get(&asked) > 0);
	stop();
}
