/* net_ares.c - names by c-ares, which needs no thread for a look-up and can stop one.
 *
 * The core depends on nothing but libc, so c-ares is found when the first name is looked
 * up, as libc finds its own modules. It knows two of the places that nsswitch.conf(5)
 * can name; for any other libc is asked, as Go does it. */
#include "std/net.h"

#if __has_include(<ares.h>)
#define CARES_NO_DEPRECATED
#include "millrace/io.h"
#include "millrace/sync.h"
#include <ares.h>
#include <dlfcn.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

enum { TRIES = 2 }; /* of each server, as libc's */

/* What is used of the library. */
static struct {
	typeof(ares_library_init) *library_init;
	typeof(ares_init_options) *init_options;
	typeof(ares_getaddrinfo) *getaddrinfo;
	typeof(ares_freeaddrinfo) *freeaddrinfo;
	typeof(ares_timeout) *timeout;
	typeof(ares_process_fd) *process_fd;
	typeof(ares_destroy) *destroy;
	bool there;
} ares;

static bool find(void *lib, const char *name, void *function)
{
	void *at = dlsym(lib, name);

	memcpy(function, &at, sizeof at);
	return at != NULL;
}

static void load(void)
{
	void *lib;

	mri_sched_block_begin();
	/* Its name says which interface it has. */
	lib = dlopen("libcares.so.2", RTLD_NOW | RTLD_LOCAL);
	ares.there = lib && find(lib, "ares_library_init", &ares.library_init) &&
		     find(lib, "ares_init_options", &ares.init_options) &&
		     find(lib, "ares_getaddrinfo", &ares.getaddrinfo) &&
		     find(lib, "ares_freeaddrinfo", &ares.freeaddrinfo) &&
		     find(lib, "ares_timeout", &ares.timeout) &&
		     find(lib, "ares_process_fd", &ares.process_fd) &&
		     find(lib, "ares_destroy", &ares.destroy) &&
		     ares.library_init(ARES_LIB_INIT_ALL) == ARES_SUCCESS;
	mri_sched_block_end();
}

/* ------------------------------------------------------- whether to use it -- */

/* "hosts: files dns [NOTFOUND=return]" and the like. */
static bool line_is_known(char *line)
{
	char *rest, *word = strtok_r(line, " \t\n", &rest);

	if (!word || strcmp(word, "hosts:") != 0)
		return true;
	while ((word = strtok_r(NULL, " \t\n", &rest)) && word[0] != '#')
		if (word[0] != '[' && strcmp(word, "files") != 0 &&
		    strcmp(word, "dns") != 0)
			return false;
	return true;
}

static bool places_are_known(void)
{
	FILE *f = fopen("/etc/nsswitch.conf", "re");
	char line[1024];
	bool known = true;

	while (f && known && fgets(line, sizeof line, f))
		known = line_is_known(line);
	if (f)
		fclose(f);
	return known;
}

/* Of the local network: by multicast (RFC 6762). */
static bool is_local(const char *host)
{
	size_t n = strlen(host);

	n -= n > 0 && host[n - 1] == '.';
	return n >= 6 && strncasecmp(host + n - 6, ".local", 6) == 0;
}

/* ------------------------------------------------------------- a look-up -- */

struct query {
	ares_channel channel;
	int set; /* its sockets */
	const struct mri_net_name *name;
	bool ended;
	int rc;
	struct mri_net_list **list;
};

static int code_of(int status)
{
	switch (status) {
	case ARES_SUCCESS: return 0;
	case ARES_ENODATA:
	case ARES_ENOTFOUND:
	case ARES_ENONAME:
	case ARES_EBADNAME:
	case ARES_ESERVICE: return -ENOENT;
	case ARES_ENOMEM: return -ENOMEM;
	case ARES_EBADFAMILY: return -EAFNOSUPPORT;
	case ARES_ECANCELLED:
	case ARES_EDESTRUCTION: return -ECANCELED;
	default: return -EHOSTDOWN; /* the servers answer with an error, or not at all */
	}
}

/* NULL: a number, which c-ares does not always take for one. */
static const char *service_of(const struct mri_net_name *name)
{
	return name->service[strspn(name->service, "0123456789")] ? name->service : NULL;
}

static mr_net_addr address_of(const struct query *q, const struct ares_addrinfo_node *i)
{
	in_port_t port = htons((in_port_t)atoi(q->name->service));

	if (!service_of(q->name) && i->ai_family == AF_INET)
		((struct sockaddr_in *)(void *)i->ai_addr)->sin_port = port;
	if (!service_of(q->name) && i->ai_family == AF_INET6)
		((struct sockaddr_in6 *)(void *)i->ai_addr)->sin6_port = port;
	return mri_net_addr(i->ai_addr, (socklen_t)i->ai_addrlen);
}

static int list_of(const struct query *q, const struct ares_addrinfo *found)
{
	struct mri_net_list **list = q->list;
	int n = 0;

	for (const struct ares_addrinfo_node *i = found->nodes; i; i = i->ai_next)
		n++;
	if (n == 0)
		return -ENOENT;
	*list = mri_net_list_new(n);
	if (!*list)
		return -ENOMEM;
	for (const struct ares_addrinfo_node *i = found->nodes; i; i = i->ai_next)
		(*list)->at[(*list)->n++] = address_of(q, i);
	return 0;
}

static void end(void *arg, int status, int timeouts, struct ares_addrinfo *found)
{
	struct query *q = arg;

	(void)timeouts;
	q->ended = true;
	q->rc = code_of(status);
	if (q->rc == 0)
		q->rc = list_of(q, found);
	if (found)
		ares.freeaddrinfo(found);
}

/* It wants to know when it can read from or write to a socket, or no longer. */
static void watch(void *arg, ares_socket_t fd, int in, int out)
{
	struct query *q = arg;

	/* Fails for want of memory only; then nothing comes, and the time-outs end it. */
	(void)mri_os_set_watch(q->set, fd,
			       (in ? MRI_OS_IN : 0) | (out ? MRI_OS_OUT : 0));
}

/* It reads its settings and /etc/hosts: off the P, and one at a time, since each may take
 * a thread. */
static int start(struct query *q)
{
	static mr_mutex turn;
	struct ares_options options = { .tries = TRIES };
	struct ares_addrinfo_hints hints = { .ai_family = q->name->kind.family,
					     .ai_socktype = q->name->kind.type };
	int status;

	options.sock_state_cb = watch;
	options.sock_state_cb_data = q;
	mr_mutex_lock(&turn);
	mri_sched_block_begin();
	status = places_are_known() ?
			 ares.init_options(&q->channel, &options,
					   ARES_OPT_TRIES | ARES_OPT_SOCK_STATE_CB) :
			 ARES_ENOTIMP;
	if (status == ARES_SUCCESS)
		ares.getaddrinfo(q->channel, q->name->host, service_of(q->name),
				 &hints, end, q);
	mri_sched_block_end();
	mr_mutex_unlock(&turn);
	return status == ARES_SUCCESS ? 0 : -ENOSYS;
}

static void go_on(struct query *q)
{
	struct mri_os_ready ready[8];
	int n = mri_os_set_ready(q->set, ready, ARRAY_LEN(ready));

	for (int i = 0; i < n; i++)
		ares.process_fd(q->channel,
				ready[i].what & MRI_OS_IN ? ready[i].fd : ARES_SOCKET_BAD,
				ready[i].what & MRI_OS_OUT ? ready[i].fd
							   : ARES_SOCKET_BAD);
	/* And what has taken too long. */
	ares.process_fd(q->channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
}

static int64_t next_deadline(struct query *q)
{
	struct timeval t, *left = ares.timeout(q->channel, NULL, &t);

	return left ? mri_os_now() + left->tv_sec * INT64_C(1000000000) +
			      left->tv_usec * INT64_C(1000) + 1
		    : 0;
}

/* Until one of its sockets is ready, a time-out of its own, or the context's end. */
static int await(struct query *q, struct mri_fd_ref set, mr_context *ctx)
{
	int rc = mri_fd_set_deadline(set, MRI_FD_READ, next_deadline(q));

	if (rc < 0)
		return rc;
	rc = mr_io_wait(ctx, q->set, MR_IO_IN);
	return rc == -ETIMEDOUT ? mr_ctx_err(ctx) : rc < 0 ? rc : 0;
}

int mri_net_ares(mr_context *ctx, const struct mri_net_name *name,
		 struct mri_net_list **list)
{
	static mr_once once;
	struct query q = { .name = name, .list = list };
	struct mri_fd_ref set;
	int rc = 0;

	mr_once_do(&once, load);
	if (!ares.there || !name->host[0] || is_local(name->host))
		return -ENOSYS;
	q.set = mri_os_set_open();
	if (q.set < 0)
		return q.set;
	rc = mri_fd_open(q.set, MRI_OS_PIPE, &set);
	if (rc < 0) {
		mri_os_fd_close(q.set);
		return rc;
	}
	rc = start(&q);
	while (rc == 0 && !q.ended) {
		rc = await(&q, set, ctx);
		if (rc == 0)
			go_on(&q);
	}
	if (q.channel)
		ares.destroy(q.channel);
	mri_fd_close(set);
	return rc ? rc : q.rc;
}

#else
#include <errno.h>

int mri_net_ares(mr_context *ctx, const struct mri_net_name *name,
		 struct mri_net_list **list)
{
	(void)ctx;
	(void)name;
	(void)list;
	return -ENOSYS;
}
#endif
