/* resolve_test.c - names, with a resolver of the test's own in the place of libc's: one
 * that takes as long as the test wants, and finds what it wants. */
#define _GNU_SOURCE
#include "waiting.h"
#include <dlfcn.h>
#include <errno.h>
#include <millrace/net.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>

enum { MANY = 6 };

static int gate[2];             /* a pipe: as long as nothing is in it, "slow" takes */
static uint32_t asked;          /* atomic: how often "slow" was */

static int from_libc(const char *host, const char *service, const struct addrinfo *hints,
		     struct addrinfo **found)
{
	int (*real)(const char *, const char *, const struct addrinfo *,
		    struct addrinfo **);

	*(void **)&real = dlsym(RTLD_NEXT, "getaddrinfo");
	return real(host, service, hints, found);
}

/* Names are somewhere that only libc knows. */
FILE *fopen(const char *name, const char *mode)
{
	static char places[] = "hosts: here\n";
	FILE *(*real)(const char *, const char *);

	if (strcmp(name, "/etc/nsswitch.conf") == 0)
		return fmemopen(places, sizeof places - 1, "r");
	*(void **)&real = dlsym(RTLD_NEXT, "fopen");
	return real(name, mode);
}

/* 127.0.0.MANY down to 127.0.0.1. */
static int find_many(const char *service, struct addrinfo **found)
{
	struct addrinfo *list = NULL;

	for (int i = 1; i <= MANY; i++) {
		struct {
			struct addrinfo ai;
			struct sockaddr_in in;
		} *a = calloc(1, sizeof *a);

		a->in.sin_family = AF_INET;
		a->in.sin_addr.s_addr = htonl(INADDR_LOOPBACK - 1 + (uint32_t)i);
		a->in.sin_port = htons((uint16_t)atoi(service));
		a->ai = (struct addrinfo){ .ai_family = AF_INET,
					   .ai_socktype = SOCK_STREAM,
					   .ai_addrlen = sizeof a->in };
		a->ai.ai_addr = (struct sockaddr *)(void *)&a->in;
		a->ai.ai_next = list;
		list = &a->ai;
	}
	*found = list;
	return 0;
}

int getaddrinfo(const char *host, const char *service, const struct addrinfo *hints,
		struct addrinfo **found)
{
	struct pollfd p = { .fd = gate[0], .events = POLLIN };

	*found = NULL;
	if (hints->ai_flags & AI_NUMERICHOST)
		return from_libc(host, service, hints, found);
	if (strcmp(host, "slow.test") == 0) {
		__atomic_add_fetch(&asked, 1, __ATOMIC_SEQ_CST);
		while (poll(&p, 1, -1) < 0)
			;
		return find_many("1", found);
	}
	if (strcmp(host, "many.test") == 0)
		return find_many(service, found);
	if (strcmp(host, "again.test") == 0)
		return EAI_AGAIN;
	if (strcmp(host, "memory.test") == 0)
		return EAI_MEMORY;
	if (strcmp(host, "system.test") == 0)
		return errno = EMFILE, EAI_SYSTEM;
	return EAI_NONAME;
}

/* An entry and its address are one piece of memory, as glibc's are. */
void freeaddrinfo(struct addrinfo *list)
{
	while (list) {
		struct addrinfo *next = list->ai_next;

		free(list);
		list = next;
	}
}

static int resolve(context *ctx, const char *address)
{
	net_addr a;

	return net_resolve(ctx, "tcp", address, &a);
}

TEST(resolve, says_why_not)
{
	CHECK_EQ(resolve(ctx_background(), "nobody.test:1"), -ENOENT);
	CHECK_EQ(resolve(ctx_background(), "again.test:1"), -EHOSTDOWN);
	CHECK_EQ(resolve(ctx_background(), "memory.test:1"), -ENOMEM);
	CHECK_EQ(resolve(ctx_background(), "system.test:1"), -EMFILE);
	CHECK_EQ(resolve(ctx_background(), "many.test:1"), 0);
}

/* Only the last of them listens. */
TEST(resolve, every_address_is_tried)
{
	char at[NET_ADDRESS], many[NET_ADDRESS];
	net_conn *l, *c;

	CHECK_EQ(net_listen(ctx_background(), "tcp", "127.0.0.1:0", &l), 0);
	CHECK_EQ(net_local(l, at, sizeof at), 0);
	snprintf(many, sizeof many, "many.test%s", strrchr(at, ':'));
	CHECK_EQ(net_dial(ctx_background(), "tcp", many, &c), 0);
	CHECK_EQ(net_peer(c, many, sizeof many), 0);
	CHECK(strcmp(at, many) == 0);
	CHECK_EQ(net_close(c), 0);
	CHECK_EQ(net_close(l), 0);
	snprintf(many, sizeof many, "many.test%s", strrchr(at, ':'));
	CHECK_EQ(net_dial(ctx_background(), "tcp", many, &c), -ECONNREFUSED);
}

/* ------------------------------------------------------------------- slow -- */

static void open_gate(void)
{
	CHECK_EQ(write(gate[1], "", 1), 1);
}

static void await_asked(uint32_t n)
{
	while (__atomic_load_n(&asked, __ATOMIC_SEQ_CST) < n)
		go_yield();
}

static void expect(context *ctx, int rc, int dialled, waitgroup *wg)
{
	net_conn *c;

	CHECK_EQ(resolve(ctx, "slow.test:1"), rc);
	CHECK_EQ(net_dial(ctx, "tcp", "slow.test:1", &c), dialled);
	wg_done(wg);
}

/* With one proc nobody else would run, did the resolver keep it. */
TEST(resolve, slow_ones_keep_nobody_waiting)
{
	context *ctx = ctx_with_cancel(ctx_background());
	waitgroup wg = { 0 };

	CHECK_EQ(pipe(gate), 0);
	for (int i = 0; i < 10; i++) {
		wg_add(&wg, 1);
		go(expect, ctx, -ECANCELED, -ECANCELED, &wg);
	}
	await_asked(10);
	ctx_cancel(ctx);
	wg_wait(&wg);
	ctx_unref(ctx);
	open_gate();
	while (go_count() > 1)
		go_yield();
}

TEST(resolve, deadline_ends_a_slow_one)
{
	context *ctx = ctx_with_timeout(ctx_background(), 20 * MILLISECOND);
	waitgroup wg = { 0 };

	CHECK_EQ(pipe(gate), 0);
	wg_add(&wg, 1);
	go(expect, ctx, -ETIMEDOUT, -ETIMEDOUT, &wg);
	wg_wait(&wg);
	ctx_cancel(ctx);
	ctx_unref(ctx);
	open_gate();
	while (go_count() > 1)
		go_yield();
}

TEST(resolve, slow_one_finds_it_after_all)
{
	waitgroup wg = { 0 };

	CHECK_EQ(pipe(gate), 0);
	wg_add(&wg, 1);
	go(expect, ctx_background(), 0, -ECONNREFUSED, &wg);   /* nobody listens */
	await_asked(1);
	open_gate();
	wg_wait(&wg);
}
