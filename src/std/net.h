/* net.h - what the net_*.c files share. */
#ifndef MRI_STD_NET_H
#define MRI_STD_NET_H
#include "millrace/net.h"
#include "std/fd.h"
#include <sys/socket.h>

/* What a network's name says. */
struct mri_net_kind {
	int family; /* AF_UNSPEC: either IP */
	int type;
};

/* What is to be looked up. */
struct mri_net_name {
	struct mri_net_kind kind;
	bool passive; /* to listen at */
	char host[256], service[32];
};
/* Addresses of a name. */
struct mri_net_list {
	struct mri_net_kind kind;
	int n;
	mr_net_addr at[];
};
/* With room for n, and none in it; the caller frees it. NULL: out of memory. */
struct mri_net_list *mri_net_list_new(int n);
/* All addresses that `address` stands for, in the order in which to try them; the caller
 * frees *list. passive: to listen at. pc: who asks for it. As mr_net_listen(). */
int mri_net_lookup(mr_context *ctx, const char *network, const char *address,
		   bool passive, void *pc, struct mri_net_list **list);
/* The addresses of a name by c-ares, in the order in which to try them; the caller frees
 * *list. Parks, and wants a large stack. -ENOSYS: it is not there, or not for this name;
 * the context's error; else as mr_net_resolve(). */
int mri_net_ares(mr_context *ctx, const struct mri_net_name *name,
		 struct mri_net_list **list);
mr_net_addr mri_net_addr(const void *sockaddr, socklen_t size);

static inline const struct sockaddr *mri_net_sockaddr(const mr_net_addr *a)
{
	return (const struct sockaddr *)(const void *)a->mr_bytes;
}
static inline enum mri_os_kind mri_net_kind_of(int type)
{
	return type == SOCK_STREAM ? MRI_OS_STREAM : MRI_OS_SOCKET;
}

/* A call of libc's: its result or a negative code. errno stays as it is. Nothing in it
 * can park. */
#define mri_net_call(e) \
	__extension__({ \
		int mri_saved = errno; \
		int64_t mri_rc = (e); \
		if (mri_rc < 0) \
			mri_rc = -errno; \
		errno = mri_saved; \
		mri_rc; \
	})
/* socket(2), as all of the library's are; or a negative code. */
int mri_net_socket(int family, int type);
void mri_net_set(int fd, int level, int option, int value); /* setsockopt(2) */

/* Until something that is wanting may be there: *pause ns, which doubles, from
 * MRI_NET_PAUSE to a second. 0, or the context's error. */
enum { MRI_NET_PAUSE = 5 * 1000 * 1000 };
int mri_net_pause(mr_context *ctx, int64_t *pause);

/* The descriptor fd, which nobody else has, becomes a connection. On an error it is
 * closed. */
int mri_net_made(int fd, enum mri_os_kind kind, mr_net_conn **conn);
struct mri_fd_ref mri_net_ref(mr_net_conn *c); /* s is NULL: never was one */
#endif
