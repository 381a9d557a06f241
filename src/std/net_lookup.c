/* net_lookup.c - addresses by name.
 *
 * A name is looked up in a goroutine of its own, with a large stack: by c-ares where that
 * is at hand (net_ares.c), else by getaddrinfo(), which blocks, off the P. So who waits
 * for it can stop waiting. */
#define _GNU_SOURCE
#include "millrace/chan.h"
#include "millrace/select.h"
#include "std/net.h"
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

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

/* "host:service", "[host]:service". */
static int split(const char *address, struct mri_net_name *name)
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
	if ((size_t)(to - from) >= sizeof name->host ||
	    strlen(colon + 1) >= sizeof name->service)
		return -EINVAL;
	memcpy(name->host, from, (size_t)(to - from));
	name->host[to - from] = '\0';
	if (colon[1])
		memcpy(name->service, colon + 1, strlen(colon + 1) + 1);
	else
		memcpy(name->service, "0", 2);
	/* getaddrinfo() would take the rest of a division. */
	return name->service[strspn(name->service, "0123456789")] ||
			       atol(name->service) < 1 << 16 ?
		       0 :
		       -EINVAL;
}

/* ---------------------------------------------------------------- lists -- */

struct mri_net_list *mri_net_list_new(int n)
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
	*list = mri_net_list_new(1);
	if (!*list)
		return -ENOMEM;
	(*list)->at[(*list)->n++] = mri_net_addr(
		&un, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len));
	return 0;
}

/* ------------------------------------------------------------ by libc -- */

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

static int list_of(const struct addrinfo *found, struct mri_net_list **list)
{
	int n = 0;

	for (const struct addrinfo *i = found; i; i = i->ai_next)
		n++;
	*list = mri_net_list_new(n);
	if (!*list)
		return -ENOMEM;
	for (const struct addrinfo *i = found; i; i = i->ai_next)
		(*list)->at[(*list)->n++] = mri_net_addr(i->ai_addr, i->ai_addrlen);
	return 0;
}

/* -EAGAIN: only numbers were asked for, and it is none. */
static int ask_libc(const struct mri_net_name *name, int flags,
		    struct mri_net_list **list)
{
	struct addrinfo hints = { .ai_family = name->kind.family }, *found = NULL;
	int saved = errno, eai, rc;

	hints.ai_socktype = name->kind.type;
	hints.ai_flags = flags | (name->passive ? AI_PASSIVE : 0);
	errno = 0;
	eai = getaddrinfo(name->host[0] ? name->host : NULL, name->service, &hints,
			  &found);
	rc = eai == EAI_NONAME && (flags & AI_NUMERICHOST) ? -EAGAIN
							   : code_of(eai, errno);
	errno = saved;
	if (rc == 0)
		rc = list_of(found, list);
	if (found)
		freeaddrinfo(found);
	return rc;
}

/* ------------------------------------------------------------ elsewhere -- */

/* Shared by who asks and who looks; the last one frees it. */
struct lookup {
	uint32_t refs; /* atomic */
	struct mri_net_name name;
	mr_context *ctx; /* ends when nobody waits any more */
	struct mri_net_list *list;
	int rc;
	void *done; /* a channel */
};

static void release(struct lookup *l)
{
	/* R9: acq_rel, pairs with itself: what the other has written. */
	if (atomic_sub(&l->refs, 1u, acq_rel) != 1)
		return;
	free(l->list);
	mr_ctx_free(l->ctx);
	mr_chan_free(l->done);
	free(l);
}

static void look(void *arg)
{
	struct lookup *l = arg;
	char done = 0;

	l->rc = mri_net_ares(l->ctx, &l->name, &l->list);
	if (l->rc == -ENOSYS) {
		mri_sched_block_begin();
		l->rc = ask_libc(&l->name, AI_ADDRCONFIG, &l->list);
		mri_sched_block_end();
	}
	mr_chan_send_from(l->done, &done);
	release(l);
}

/* Waits for another goroutine to look it up, or the context's end. */
static int ask_elsewhere(mr_context *ctx, const struct mri_net_name *name, void *pc,
			 struct mri_net_list **list)
{
	struct lookup *l = calloc(1, sizeof *l);
	mr_select_case cases[2];
	int rc;

	if (!l)
		return -ENOMEM;
	l->refs = 2;
	l->name = *name;
	l->ctx = mr_ctx_with_cancel(ctx);
	l->done = mr_chan_new(sizeof(char), 1);
	mri_go_start(look, l, "net_lookup", LOOKUP_STACK, pc);
	cases[0] = (mr_select_case){ .op = MR_SELECT_RECV, .ch = l->done };
	cases[1] = (mr_select_case){ .op = MR_SELECT_RECV, .ch = mr_ctx_done(ctx) };
	if (mr_chan_select_n(cases, 2) == 0) {
		rc = l->rc;
		*list = l->list;
		l->list = NULL;
	} else {
		rc = mr_ctx_err(ctx);
		mr_ctx_cancel(l->ctx);
	}
	release(l);
	return rc;
}

/* The kinds of IP by turns, beginning with the one that the system prefers. */
static int by_turns(struct mri_net_list *from, struct mri_net_list **list)
{
	struct mri_net_list *l = mri_net_list_new(from->n);
	int a = 0, b = 0;

	if (!l)
		return -ENOMEM;
	while (a < from->n || b < from->n) {
		while (a < from->n && from->at[a].mr_family != from->at[0].mr_family)
			a++;
		while (b < from->n && from->at[b].mr_family == from->at[0].mr_family)
			b++;
		if (a < from->n)
			l->at[l->n++] = from->at[a++];
		if (b < from->n)
			l->at[l->n++] = from->at[b++];
	}
	*list = l;
	return 0;
}

static int ip_list(mr_context *ctx, struct mri_net_kind kind, const char *address,
		   bool passive, void *pc, struct mri_net_list **list)
{
	struct mri_net_name name = { .kind = kind, .passive = passive };
	struct mri_net_list *found = NULL;
	int rc = split(address, &name);

	if (rc == 0)
		/* A number takes no time. */
		rc = ask_libc(&name, AI_NUMERICHOST, &found);
	if (rc == -EAGAIN)
		rc = ask_elsewhere(ctx, &name, pc, &found);
	if (rc == 0)
		rc = by_turns(found, list);
	free(found);
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
			     ip_list(ctx, kind, address, passive, pc, list);
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
