/* load.c - clients of a server: each sends a request, waits for the answer, and sends the
 * next; says how many, and how long they took.
 *
 *     load echo|http PORT CONNECTIONS SECONDS
 *
 * One thread, epoll. Prints one line: requests per second, and the 50th, 99th and 99.9th
 * percentile of the time of one, in us. What happens in the first tenth of the time is not
 * counted. An answer that is not what was sent, or not "200", ends it with status 1. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { MESSAGE = 64, SLOTS = 1 << 20 /* us, and all beyond */ };

struct client {
	int fd, have;
	int64_t sent;
	char in[4096];
};

static int64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static void die(const char *what)
{
	fprintf(stderr, "load: %s: %s\n", what, strerror(errno));
	exit(1);
}

static uint32_t took[SLOTS];
static int is_http;
static char request[256];
static size_t request_len;

static void send_next(struct client *c)
{
	c->have = 0;
	c->sent = now();
	if (send(c->fd, request, request_len, MSG_NOSIGNAL) != (ssize_t)request_len)
		die("send");
}

/* Is the answer whole? */
static int whole(struct client *c)
{
	char *end, *length;

	if (!is_http) {
		if (c->have >= MESSAGE && memcmp(c->in, request, MESSAGE) != 0)
			die("not what was sent");
		return c->have >= MESSAGE;
	}
	c->in[c->have] = '\0';
	end = strstr(c->in, "\r\n\r\n");
	if (!end)
		return 0;
	if (strncmp(c->in, "HTTP/1.1 200", 12) != 0)
		die(c->in);
	length = strcasestr(c->in, "content-length:");
	if (!length || length > end)
		die("no length");
	return c->have >= end + 4 - c->in + atol(length + 15);
}

static int64_t percentile(uint64_t n, double part)
{
	uint64_t sum = 0;

	for (int i = 0; i < SLOTS; i++)
		if ((sum += took[i]) >= (uint64_t)((double)n * part))
			return i;
	return SLOTS;
}

int main(int argc, char **argv)
{
	struct sockaddr_in at = { .sin_family = AF_INET };
	int n, ep = epoll_create1(0);
	struct client *all;
	int64_t begun, count_from, end;
	uint64_t counted = 0;

	if (argc != 5 || ep < 0)
		return 2;
	is_http = strcmp(argv[1], "http") == 0;
	at.sin_port = htons((uint16_t)atoi(argv[2]));
	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	n = atoi(argv[3]);
	if (is_http) {
		request_len = (size_t)sprintf(request, "GET /hello HTTP/1.1\r\n"
			"Host: 127.0.0.1:%s\r\nUser-Agent: load\r\n\r\n", argv[2]);
	} else {
		memset(request, 'x', MESSAGE);
		request_len = MESSAGE;
	}
	all = calloc((size_t)n, sizeof *all);
	for (int i = 0; i < n; i++) {
		struct epoll_event e = { .events = EPOLLIN, .data.ptr = &all[i] };
		int one = 1;

		all[i].fd = socket(AF_INET, SOCK_STREAM, 0);
		if (connect(all[i].fd, (struct sockaddr *)&at, sizeof at) < 0)
			die("connect");
		setsockopt(all[i].fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
		epoll_ctl(ep, EPOLL_CTL_ADD, all[i].fd, &e);
	}
	begun = now();
	end = begun + (int64_t)(atof(argv[4]) * 1e9);
	count_from = begun + (end - begun) / 10;
	for (int i = 0; i < n; i++)
		send_next(&all[i]);
	for (int64_t t = begun; t < end;) {
		struct epoll_event e[256];
		int k = epoll_wait(ep, e, 256, 1000);

		for (int i = 0; i < k; i++) {
			struct client *c = e[i].data.ptr;
			ssize_t got = recv(c->fd, c->in + c->have,
					   sizeof c->in - 1 - (size_t)c->have, 0);

			if (got <= 0)
				die("recv");
			c->have += (int)got;
			if (!whole(c))
				continue;
			t = now();
			if (c->sent >= count_from) {
				int64_t us = (t - c->sent) / 1000;

				took[us < SLOTS ? us : SLOTS - 1]++;
				counted++;
			}
			send_next(c);
		}
		t = now();
	}
	printf("%.0f %ld %ld %ld\n", (double)counted / ((double)(end - count_from) / 1e9),
	       (long)percentile(counted, .5), (long)percentile(counted, .99),
	       (long)percentile(counted, .999));
	return 0;
}
