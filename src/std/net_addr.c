/* net_addr.c - addresses: as text, by name.
 *
 * A name is looked up by getaddrinfo(), which blocks: in a goroutine of its own, and off
 * the P, so that who waits for it can stop waiting. */
#define _GNU_SOURCE
#include "std/net.h"
#include "millrace/chan.h"
#include "millrace/select.h"
#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

enum { HOST = 256, SERVICE = 32 };
enum { LOOKUP_STACK = 512 << 10 }; /* getaddrinfo and its modules are hungry */

static int kind_of(const char *network, struct mri_net_kind *kind)
{
	static const struct {
		const char *name;
		struct mri_net_kind kind;
	} kinds[] = {
		{ "tcp", { AF_UNSPEC, SOCK_STREAM } },
		{ "tcp4", { AF_INET, SOCK_STREAM } },
		{ "tcp6", { AF_INET6, SOCK_STREAM } },
		{ "udp", { AF_UNSPEC, SOCK_DGRAM } },
		{ "udp4", { AF_INET, SOCK_DGRAM } },
		{ "udp6", { AF_INET6, SOCK_DGRAM } },
		{ "unix", { AF_UNIX, SOCK_STREAM } },
		{ "unixpacket", { AF_UNIX, SOCK_SEQPACKET } },
		{ "unixgram", { AF_UNIX, SOCK_DGRAM } },
	};

	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		if (strcmp(kinds[i].name, network) == 0) {
			*kind = kinds[i].kind;
			return 0;
		}
	return -EINVAL;
}

/* ---------------------------------------------------------------- texts -- */

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

/* "host:service", "[host]:service". */
static int split(const char *address, char *host, char *service)
{
	const char *colon = strrchr(address, ':'), *from = address, *to = colon;

	if (!colon)
		return -EINVAL;
	if (*from == '[') {
		from++;
		if (to == address || to[-1] != ']')
			return -EINVAL;
		to--;
	} else if (memchr(from, ':', (size_t)(to - from))) {
		return -EINVAL; /* IPv6 without brackets */
	}
	if (to - from >= HOST || strlen(colon + 1) >= SERVICE)
		return -EINVAL;
	memcpy(host, from, (size_t)(to - from));
	host[to - from] = '\0';
	strcpy(service, colon[1] ? colon + 1 : "0");
	/* getaddrinfo() would take the rest of a division. */
	return service[strspn(service, "0123456789")] || atol(service) < 1 << 16
		       ? 0
		       : -EINVAL;
}

/* ---------------------------------------------------------------- lists -- */

static struct mri_net_list *list_new(int n)
{
	struct mri_net_list *l = malloc(sizeof *l + (size_t)n * sizeof l->at[0]);

	if (l)
		l->n = 0;
	return l;
}

static int unix_list(const char *path, struct mri_net_list **list)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	size_t len = strlen(path);

	if (len == 0 || len >= sizeof un.sun_path)
		return len ? -ENAMETOOLONG : -EINVAL;
	memcpy(un.sun_path, path, len);
	if (un.sun_path[0] == '@')
		un.sun_path[0] = '\0';
	else
		len++; /* with the 0 at its end */
	*list = list_new(1);
	if (!*list)
		return -ENOMEM;
	(*list)->at[(*list)->n++] = mri_net_addr(
		&un, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len));
	return 0;
}

/* The kinds of IP by turns, beginning with the one that the system prefers. */
static int ip_list(const struct addrinfo *ai, struct mri_net_list **list)
{
	const struct addrinfo *a = ai, *b = ai;
	int n = 0, first = ai->ai_family;
	struct mri_net_list *l;

	for (const struct addrinfo *i = ai; i; i = i->ai_next)
		n++;
	l = list_new(n);
	if (!l)
		return -ENOMEM;
	while (a || b) {
		while (a && a->ai_family != first)
			a = a->ai_next;
		while (b && b->ai_family == first)
			b = b->ai_next;
		if (a) {
			l->at[l->n++] = mri_net_addr(a->ai_addr, a->ai_addrlen);
			a = a->ai_next;
		}
		if (b) {
			l->at[l->n++] = mri_net_addr(b->ai_addr, b->ai_addrlen);
			b = b->ai_next;
		}
	}
	*list = l;
	return 0;
}

static int code_of(int eai, int err)
{
	switch (eai) {
	case 0: return 0;
	case EAI_NONAME:
	case EAI_NODATA:
	case EAI_SERVICE: return -ENOENT;
	case EAI_AGAIN:
	case EAI_FAIL: return -EHOSTDOWN;
	case EAI_MEMORY: return -ENOMEM;
	case EAI_FAMILY:
	case EAI_ADDRFAMILY: return -EAFNOSUPPORT;
	case EAI_SYSTEM: return err ? -err : -EIO;
	default: return -EINVAL;
	}
}

/* ------------------------------------------------------------ by name -- */

/* Shared by who asks and who looks; the last one frees it. */
struct lookup {
	uint32_t refs; /* atomic */
	struct mri_net_kind kind;
	bool passive;
	char host[HOST], service[SERVICE];
	struct addrinfo *found;
	int rc;
	void *done; /* a channel */
};

static void ask(struct lookup *l, int flags)
{
	struct addrinfo hints = { .ai_family = l->kind.family };
	int saved = errno, eai;

	hints.ai_socktype = l->kind.type;
	hints.ai_flags = flags | (l->passive ? AI_PASSIVE : 0);
	errno = 0;
	eai = getaddrinfo(l->host[0] ? l->host : NULL, l->service, &hints, &l->found);
	l->rc = eai == EAI_NONAME && (flags & AI_NUMERICHOST) ? -EAGAIN
							      : code_of(eai, errno);
	errno = saved;
}

static void release(struct lookup *l)
{
	/* R9: acq_rel, pairs with itself: what the other has written. */
	if (atomic_sub(&l->refs, 1u, acq_rel) != 1)
		return;
	if (l->found)
		freeaddrinfo(l->found);
	mr_chan_free(l->done);
	free(l);
}

static void look(void *arg)
{
	struct lookup *l = arg;
	char done = 0;

	mri_sched_block_begin();
	ask(l, AI_ADDRCONFIG);
	mri_sched_block_end();
	mr_chan_send_from(l->done, &done);
	release(l);
}

/* Waits for another goroutine to look it up, or the context's end. */
static int ask_elsewhere(struct lookup *l, mr_context *ctx, void *pc)
{
	mr_select_case cases[] = {
		{ .op = MR_SELECT_RECV, .ch = l->done },
		{ .op = MR_SELECT_RECV, .ch = mr_ctx_done(ctx) },
	};

	/* Relaxed: who looks is not there yet. */
	atomic_set(&l->refs, 2u, relaxed);
	mri_go_start(look, l, "net_lookup", LOOKUP_STACK, pc);
	return mr_chan_select_n(cases, 2) == 0 ? l->rc : mr_ctx_err(ctx);
}

static int lookup_ip(mr_context *ctx, struct mri_net_kind kind, const char *address,
		     bool passive, void *pc, struct mri_net_list **list)
{
	struct lookup *l = calloc(1, sizeof *l);
	int rc;

	if (!l)
		return -ENOMEM;
	l->refs = 1;
	l->kind = kind;
	l->passive = passive;
	l->done = mr_chan_new(sizeof(char), 1);
	rc = split(address, l->host, l->service);
	if (rc == 0) {
		/* A number takes no time. */
		ask(l, AI_NUMERICHOST);
		rc = l->rc == -EAGAIN ? ask_elsewhere(l, ctx, pc) : l->rc;
	}
	if (rc == 0)
		rc = ip_list(l->found, list);
	release(l);
	return rc;
}

int mri_net_lookup(mr_context *ctx, const char *network, const char *address,
		   bool passive, void *pc, struct mri_net_list **list)
{
	struct mri_net_kind kind;
	int rc = kind_of(network, &kind);

	mri_init_check_fork();
	rc = rc ? rc : mr_ctx_err(ctx);
	if (rc == 0)
		rc = kind.family == AF_UNIX ?
			     unix_list(address, list) :
			     lookup_ip(ctx, kind, address, passive, pc, list);
	if (rc == 0)
		(*list)->kind = kind;
	return rc;
}

int mr_net_resolve(mr_context *ctx, const char *network, const char *address,
		   mr_net_addr *addr)
{
	struct mri_net_list *list;
	int rc = mri_net_lookup(ctx, network, address, false, __builtin_return_address(0),
				&list);

	if (rc == 0) {
		*addr = list->at[0];
		free(list);
	}
	return rc;
}
