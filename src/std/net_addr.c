/* net_addr.c - addresses as text. */
#include "std/net.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>

mr_net_addr mri_net_addr(const void *sockaddr, socklen_t size)
{
	mr_net_addr a = { 0 };
	sa_family_t family = AF_UNSPEC;

	a.mr_size = size < sizeof a.mr_bytes ? size : sizeof a.mr_bytes;
	memcpy(a.mr_bytes, sockaddr, a.mr_size);
	if (size >= sizeof family)
		memcpy(&family, sockaddr, sizeof family);
	a.mr_family = family;
	return a;
}

static void text_of_unix(const mr_net_addr *a, char *text, size_t n)
{
	const struct sockaddr_un *un = (const void *)a->mr_bytes;
	size_t len = a->mr_size - offsetof(struct sockaddr_un, sun_path);

	if (a->mr_size <= offsetof(struct sockaddr_un, sun_path))
		snprintf(text, n, "%s", "");
	else if (un->sun_path[0] == '\0')
		snprintf(text, n, "@%.*s", (int)len - 1, un->sun_path + 1);
	else
		snprintf(text, n, "%.*s", (int)strnlen(un->sun_path, len), un->sun_path);
}

void mr_net_text(const mr_net_addr *a, char *text, size_t n)
{
	char host[INET6_ADDRSTRLEN] = "";

	if (a->mr_family == AF_INET) {
		const struct sockaddr_in *in = (const void *)a->mr_bytes;

		inet_ntop(AF_INET, &in->sin_addr, host, sizeof host);
		snprintf(text, n, "%s:%u", host, ntohs(in->sin_port));
	} else if (a->mr_family == AF_INET6) {
		const struct sockaddr_in6 *in = (const void *)a->mr_bytes;
		char scope[16] = "";

		inet_ntop(AF_INET6, &in->sin6_addr, host, sizeof host);
		if (in->sin6_scope_id)
			snprintf(scope, sizeof scope, "%%%u", in->sin6_scope_id);
		snprintf(text, n, "[%s%s]:%u", host, scope, ntohs(in->sin6_port));
	} else if (a->mr_family == AF_UNIX) {
		text_of_unix(a, text, n);
	} else if (n > 0) {
		text[0] = '\0';
	}
}
