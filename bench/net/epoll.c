/* epoll.c - the least that an echo server does: one thread, one epoll loop, level-triggered,
 * a read and a write for each message. What a library is measured against.
 *
 *     epoll 0 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

int main(void)
{
	struct sockaddr_in at = { .sin_family = AF_INET };
	socklen_t size = sizeof at;
	int l = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), ep = epoll_create1(0);
	struct epoll_event e = { .events = EPOLLIN, .data.fd = l }, ready[128];

	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (bind(l, (struct sockaddr *)&at, sizeof at) < 0 || listen(l, 4096) < 0 ||
	    getsockname(l, (struct sockaddr *)&at, &size) < 0 ||
	    epoll_ctl(ep, EPOLL_CTL_ADD, l, &e) < 0)
		return 1;
	printf("listening on 127.0.0.1:%d\n", ntohs(at.sin_port));
	fflush(stdout);
	for (;;) {
		int n = epoll_wait(ep, ready, 128, -1);

		for (int i = 0; i < n; i++) {
			int fd = ready[i].data.fd;
			char buf[4096];
			ssize_t got;

			if (fd == l) {
				int one = 1, c = accept4(l, NULL, NULL, SOCK_NONBLOCK);

				e = (struct epoll_event){ .events = EPOLLIN, .data.fd = c };
				setsockopt(c, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
				epoll_ctl(ep, EPOLL_CTL_ADD, c, &e);
				continue;
			}
			got = recv(fd, buf, sizeof buf, 0);
			if (got <= 0 || send(fd, buf, (size_t)got, MSG_NOSIGNAL) != got)
				close(fd);
		}
	}
}
