/* tls.h - TLS over connections of net.h, by OpenSSL 3: the add-on library millrace-tls.
 *
 *	mr_tls_config *config = mr_tls_client_new();
 *	if (mr_net_dial(ctx, "tcp", "example.com:443", &conn) == 0 &&
 *	    mr_tls_connect(ctx, config, conn, "example.com", &tls) == 0)
 *		n = mr_tls_write(ctx, tls, request, len);
 *
 * TLS 1.2 and 1.3. A client verifies the server, against the system's certificates and
 * the name that it wants to talk to, unless told not to.
 *
 * Two goroutines may read and write one connection at once, as with net.h. In a program
 * built with -race OpenSSL's own thread-locals look like races between goroutines that
 * have run on one thread: run it with TSAN_OPTIONS=ignore_noninstrumented_modules=1.
 *
 * Results are those of net.h, and
 *	-EPROTO         it is no TLS, or the other side has broken it off
 *	-EKEYREJECTED   the other side's certificate is not to be trusted
 *	-ENOKEY         a certificate or key cannot be read, or they do not fit
 * and mr_tls_error() says more. */
#ifndef MILLRACE_TLS_H
#define MILLRACE_TLS_H

#include <millrace/base.h>
#include <millrace/context.h>
#include <millrace/errno.h>
#include <millrace/net.h>
#include <sys/types.h>

MR_C_BEGIN
/* What many connections have in common. Not to be changed once the first has been made
 * with it; it lives until the last has been closed, and the caller frees it. */
typedef struct mr_tls_config mr_tls_config;

/* For clients, which trust the system's certificates. NULL: out of memory. */
MR_API MR_MUST_USE mr_tls_config *mr_tls_client_new(void);

/* For servers, which need an identity. NULL: out of memory. */
MR_API MR_MUST_USE mr_tls_config *mr_tls_server_new(void);

/* Who this side is: files with the certificate, those of its issuers behind it, and its
 * key, in PEM. Of a client if it is asked for. Reads the files, and blocks as that does.
 * 0 or -ENOKEY. */
MR_API MR_MUST_USE int mr_tls_identity(mr_tls_config *config, const char *cert_file,
				       const char *key_file);

/* Trust the certificates of a file, in PEM, instead. Of a server: only clients with one
 * of those are let in. 0 or -ENOKEY. */
MR_API MR_MUST_USE int mr_tls_trust(mr_tls_config *config, const char *ca_file);

/* Of a client: talk to whoever answers. Encrypted, but to whom is not known. */
MR_API void mr_tls_trust_anybody(mr_tls_config *config);

/* NULL is ignored. */
MR_API void mr_tls_config_free(mr_tls_config *config);

typedef struct mr_tls mr_tls;

/* Begin TLS on a connection, as its client: name is whom it must belong to, a host's name
 * or address.
 *
 * Blocks until both sides have agreed. Sets *tls, which the caller closes with
 * mr_tls_close(), and conn with it; on an error conn stays the caller's. */
MR_API MR_MUST_USE int mr_tls_connect(mr_context *ctx, mr_tls_config *config,
				      mr_net_conn *conn, const char *name, mr_tls **tls);

/* The same as its server. */
MR_API MR_MUST_USE int mr_tls_accept(mr_context *ctx, mr_tls_config *config,
				     mr_net_conn *conn, mr_tls **tls);

/* As mr_net_read(). 0: the other side has said that it has nothing more to say; if it has
 * only hung up, which may be somebody else's doing, -EPROTO. */
MR_API MR_MUST_USE ssize_t mr_tls_read(mr_context *ctx, mr_tls *tls, void *buf, size_t n);

/* As mr_net_write(). After an error nothing more can be written. */
MR_API MR_MUST_USE ssize_t mr_tls_write(mr_context *ctx, mr_tls *tls, const void *buf,
					size_t n);

/* Tell the other side that this one has no more to say. Reading goes on. */
MR_API int mr_tls_close_write(mr_context *ctx, mr_tls *tls);

/* Close the connection, after a close_write if there was none, which waits for at most a
 * second; free tls. Nobody else may be in a call with it. */
MR_API void mr_tls_close(mr_tls *tls);

/* The connection underneath, for its deadlines and addresses: not to be read or
 * written. */
MR_API mr_net_conn *mr_tls_conn(mr_tls *tls);

/* What went wrong last with config or one of its connections, in OpenSSL's words, cut off
 * to n bytes with the 0 at the end; "" if nothing did. */
MR_API void mr_tls_error(mr_tls_config *config, char *text, size_t n);
MR_C_END

#endif
