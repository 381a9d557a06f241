/* tls.c - TLS by OpenSSL, which sees only memory: what it wants sent is taken out of one
 * BIO and written here, what has been read is put into another. So no goroutine ever
 * parks inside OpenSSL, whose error queue belongs to the thread.
 *
 * `using` guards the SSL, `sending` the order in which its records go out: it is taken
 * before `using`, and held while they are written. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <millrace/sync.h>
#include <millrace/time.h>
#include <millrace/tls.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { RECORD = 16 * 1024 + 512, ERROR = 256 };

struct mr_tls_config {
	SSL_CTX *ssl;
	mr_mutex telling;
	char error[ERROR]; /* by telling */
};
struct mr_tls {
	mr_tls_config *config;
	SSL *ssl;
	BIO *in, *out; /* the SSL's; memory */
	mr_net_conn *conn;
	mr_mutex using, sending, reading;
	bool closed_write; /* by using */
	int broken;        /* by sending: writing has failed */
};

static void tell(mr_tls_config *c, const char *text)
{
	mr_mutex_lock(&c->telling);
	snprintf(c->error, sizeof c->error, "%s", text);
	mr_mutex_unlock(&c->telling);
}

/* What OpenSSL first found wrong, as text, and no error any more. Before anything that
 * can park: its queue is the thread's. */
static void take_error(char *text)
{
	unsigned long e = ERR_peek_error();

	text[0] = '\0';
	if (e)
		ERR_error_string_n(e, text, ERROR);
	ERR_clear_error();
}

static int cannot_read(mr_tls_config *c)
{
	char text[ERROR];

	take_error(text);
	tell(c, text);
	return -ENOKEY;
}

void mr_tls_error(mr_tls_config *c, char *text, size_t n)
{
	mr_mutex_lock(&c->telling);
	snprintf(text, n, "%s", c->error);
	mr_mutex_unlock(&c->telling);
}

/* ---------------------------------------------------------- configurations -- */

static mr_tls_config *config_new(const SSL_METHOD *method)
{
	mr_tls_config *c = calloc(1, sizeof *c);

	if (!c)
		return NULL;
	c->ssl = SSL_CTX_new(method);
	if (!c->ssl) {
		ERR_clear_error();
		free(c);
		return NULL;
	}
	SSL_CTX_set_min_proto_version(c->ssl, TLS1_2_VERSION);
	SSL_CTX_set_options(c->ssl, SSL_OP_NO_RENEGOTIATION);
	SSL_CTX_set_mode(c->ssl, SSL_MODE_RELEASE_BUFFERS);
	return c;
}

mr_tls_config *mr_tls_client_new(void)
{
	mr_tls_config *c = config_new(TLS_client_method());

	if (c) {
		SSL_CTX_set_verify(c->ssl, SSL_VERIFY_PEER, NULL);
		SSL_CTX_set_default_verify_paths(c->ssl);
		ERR_clear_error();
	}
	return c;
}

mr_tls_config *mr_tls_server_new(void)
{
	return config_new(TLS_server_method());
}

int mr_tls_identity(mr_tls_config *c, const char *cert_file, const char *key_file)
{
	if (SSL_CTX_use_certificate_chain_file(c->ssl, cert_file) == 1 &&
	    SSL_CTX_use_PrivateKey_file(c->ssl, key_file, SSL_FILETYPE_PEM) == 1 &&
	    SSL_CTX_check_private_key(c->ssl) == 1)
		return 0;
	return cannot_read(c);
}

int mr_tls_trust(mr_tls_config *c, const char *ca_file)
{
	X509_STORE *only = X509_STORE_new();

	if (!only || X509_STORE_load_file(only, ca_file) != 1) {
		X509_STORE_free(only);
		return cannot_read(c);
	}
	SSL_CTX_set_cert_store(c->ssl, only);
	SSL_CTX_set_verify(c->ssl, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT,
			   NULL);
	return 0;
}

void mr_tls_trust_anybody(mr_tls_config *c)
{
	SSL_CTX_set_verify(c->ssl, SSL_VERIFY_NONE, NULL);
}

void mr_tls_config_free(mr_tls_config *c)
{
	if (c)
		SSL_CTX_free(c->ssl);
	free(c);
}

/* ------------------------------------------------------------------ records -- */

/* tls->using is held, and nothing has parked since the call that returned rc: why it did
 * not do it. 0: it wants to read. */
static int why(mr_tls *tls, int rc, char *text)
{
	int e = SSL_get_error(tls->ssl, rc);
	long verified = SSL_get_verify_result(tls->ssl);

	if (e == SSL_ERROR_WANT_READ)
		return 0;
	take_error(text);
	if (verified == X509_V_OK || SSL_get_verify_mode(tls->ssl) == SSL_VERIFY_NONE)
		return -EPROTO;
	snprintf(text, ERROR, "%s", X509_verify_cert_error_string(verified));
	return -EKEYREJECTED;
}

/* tls->sending is held: write what the SSL wants sent. */
static int send_records(mr_context *ctx, mr_tls *tls)
{
	char *bytes = malloc(RECORD);
	int n;

	if (!bytes)
		return -ENOMEM;
	while (!tls->broken) {
		ssize_t put;

		mr_mutex_lock(&tls->using);
		n = BIO_read(tls->out, bytes, RECORD);
		mr_mutex_unlock(&tls->using);
		if (n <= 0)
			break;
		put = mr_net_write(ctx, tls->conn, bytes, (size_t)n);
		if (put != n)
			/* Half of a record is out: nothing can follow. */
			tls->broken = put < 0 ? (int)put : -EPROTO;
	}
	free(bytes);
	return tls->broken;
}

static bool pending(mr_tls *tls)
{
	bool some;

	mr_mutex_lock(&tls->using);
	some = BIO_ctrl_pending(tls->out) != 0;
	mr_mutex_unlock(&tls->using);
	return some;
}

/* What the SSL wants sent goes out, now or by whoever is sending just now. A reader does
 * not wait for a writer: if that one waits for the other side to read, which waits for us
 * to read, nobody would ever go on. */
static int flush(mr_context *ctx, mr_tls *tls)
{
	int rc = 0;

	while (!rc && pending(tls) && mr_mutex_trylock(&tls->sending)) {
		rc = send_records(ctx, tls);
		mr_mutex_unlock(&tls->sending);
	}
	return rc;
}

/* Some more of the other side's, by one at a time. 0 or a negative code. */
static int receive(mr_context *ctx, mr_tls *tls)
{
	char *bytes = malloc(RECORD);
	ssize_t n;

	if (!bytes)
		return -ENOMEM;
	n = mr_net_read(ctx, tls->conn, bytes, RECORD);
	if (n > 0) {
		mr_mutex_lock(&tls->using);
		BIO_write(tls->in, bytes, (int)n);
		mr_mutex_unlock(&tls->using);
	} else if (n == 0) {
		tell(tls->config, "the other side has hung up");
	}
	free(bytes);
	return n > 0 ? 0 : n == 0 ? -EPROTO : (int)n;
}

/* ---------------------------------------------------------------- handshake -- */

static mr_tls *tls_new(mr_tls_config *c, mr_net_conn *conn)
{
	mr_tls *tls = calloc(1, sizeof *tls);

	if (!tls)
		return NULL;
	tls->ssl = SSL_new(c->ssl);
	tls->in = BIO_new(BIO_s_mem());
	tls->out = BIO_new(BIO_s_mem());
	tls->config = c;
	tls->conn = conn;
	if (!tls->ssl || !tls->in || !tls->out) {
		SSL_free(tls->ssl);
		BIO_free(tls->in);
		BIO_free(tls->out);
		free(tls);
		return NULL;
	}
	/* Empty is not the end. */
	BIO_set_mem_eof_return(tls->in, -1);
	SSL_set_bio(tls->ssl, tls->in, tls->out);
	return tls;
}

static void tls_free(mr_tls *tls)
{
	SSL_free(tls->ssl);
	free(tls);
}

static int handshake(mr_context *ctx, mr_tls *tls)
{
	for (;;) {
		char text[ERROR];
		int rc, err, sent;

		mr_mutex_lock(&tls->using);
		ERR_clear_error();
		rc = SSL_do_handshake(tls->ssl);
		err = rc == 1 ? 0 : why(tls, rc, text);
		mr_mutex_unlock(&tls->using);
		if (err < 0)
			tell(tls->config, text);
		/* Also what tells the other side why. */
		sent = flush(ctx, tls);
		if (rc == 1 || err < 0 || sent < 0)
			return err < 0 ? err : sent;
		err = receive(ctx, tls);
		if (err < 0)
			return err;
	}
}

static int finish(mr_context *ctx, mr_tls *tls, mr_tls **out)
{
	int rc = handshake(ctx, tls);

	if (rc < 0) {
		tls_free(tls);
		return rc;
	}
	*out = tls;
	return 0;
}

int mr_tls_connect(mr_context *ctx, mr_tls_config *config, mr_net_conn *conn,
		   const char *name, mr_tls **tls)
{
	mr_tls *t = tls_new(config, conn);
	X509_VERIFY_PARAM *param;
	unsigned char ip[16];

	if (!t)
		return -ENOMEM;
	SSL_set_connect_state(t->ssl);
	param = SSL_get0_param(t->ssl);
	if (inet_pton(AF_INET, name, ip) == 1 || inet_pton(AF_INET6, name, ip) == 1) {
		X509_VERIFY_PARAM_set1_ip_asc(param, name);
	} else {
		X509_VERIFY_PARAM_set_hostflags(param,
						X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
		if (SSL_set1_host(t->ssl, name) != 1 ||
		    SSL_set_tlsext_host_name(t->ssl, name) != 1) {
			ERR_clear_error();
			tls_free(t);
			return -EINVAL;
		}
	}
	return finish(ctx, t, tls);
}

int mr_tls_accept(mr_context *ctx, mr_tls_config *config, mr_net_conn *conn, mr_tls **tls)
{
	mr_tls *t = tls_new(config, conn);

	if (!t)
		return -ENOMEM;
	SSL_set_accept_state(t->ssl);
	return finish(ctx, t, tls);
}

/* -------------------------------------------------------------- read, write -- */

static int at_most(size_t n)
{
	return n < INT32_MAX ? (int)n : INT32_MAX;
}

ssize_t mr_tls_read(mr_context *ctx, mr_tls *tls, void *buf, size_t n)
{
	ssize_t result = 0;

	if (n == 0)
		return 0;
	mr_mutex_lock(&tls->reading);
	for (;;) {
		char text[ERROR];
		int rc, err = 0;
		bool end;

		mr_mutex_lock(&tls->using);
		ERR_clear_error();
		rc = SSL_read(tls->ssl, buf, at_most(n));
		end = rc <= 0 && SSL_get_error(tls->ssl, rc) == SSL_ERROR_ZERO_RETURN;
		if (rc <= 0 && !end)
			err = why(tls, rc, text);
		ERR_clear_error();
		mr_mutex_unlock(&tls->using);
		if (err < 0)
			tell(tls->config, text);
		/* It may have something to say: a new key, an alert. */
		(void)flush(ctx, tls);
		if (rc > 0 || end || err < 0) {
			result = rc > 0 ? rc : err;
			break;
		}
		err = receive(ctx, tls);
		if (err < 0) {
			result = err;
			break;
		}
	}
	mr_mutex_unlock(&tls->reading);
	return result;
}

ssize_t mr_tls_write(mr_context *ctx, mr_tls *tls, const void *buf, size_t n)
{
	size_t put = 0;
	int err = mr_ctx_err(ctx);

	mr_mutex_lock(&tls->sending);
	err = err ? err : tls->broken;
	while (put < n && !err) {
		/* Record by record: what cannot be sent need not be encrypted. */
		char text[ERROR] = "";
		int rc, some = at_most(n - put < 16384 ? n - put : 16384);

		mr_mutex_lock(&tls->using);
		ERR_clear_error();
		rc = tls->closed_write
			     ? 0
			     : SSL_write(tls->ssl, (const char *)buf + put, some);
		if (rc <= 0)
			err = tls->closed_write ? -EPIPE : why(tls, rc, text);
		mr_mutex_unlock(&tls->using);
		if (rc <= 0) {
			tell(tls->config, text);
			/* It only wants to read while keys are agreed on, which is
			 * over. */
			err = err ? err : -EPROTO;
			break;
		}
		err = send_records(ctx, tls);
		if (!err)
			put += (size_t)rc;
	}
	mr_mutex_unlock(&tls->sending);
	(void)flush(ctx, tls); /* a reader may have left us something */
	return put ? (ssize_t)put : err;
}

int mr_tls_close_write(mr_context *ctx, mr_tls *tls)
{
	int rc;

	mr_mutex_lock(&tls->using);
	tls->closed_write = true;
	SSL_shutdown(tls->ssl);
	ERR_clear_error();
	mr_mutex_unlock(&tls->using);
	mr_mutex_lock(&tls->sending);
	rc = send_records(ctx, tls);
	mr_mutex_unlock(&tls->sending);
	return rc;
}

void mr_tls_close(mr_tls *tls)
{
	mr_net_set_write_deadline(tls->conn, mr_time_now() + MR_SECOND);
	mr_tls_close_write(mr_ctx_background(), tls);
	mr_net_close(tls->conn);
	tls_free(tls);
}

mr_net_conn *mr_tls_conn(mr_tls *tls)
{
	return tls->conn;
}
