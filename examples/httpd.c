/* httpd.c - a web server: HTTP/1.1 with keep-alive, pipelining, chunked bodies, limits and
 * timeouts, and the files of a folder.
 *
 *     httpd PORT [DIR]
 *
 *   GET, HEAD /hello      "Hello, world"
 *   POST /echo            the body that came
 *   GET, HEAD /path       the file DIR/path, or index.html of a folder
 *
 * A goroutine for each connection reads a request, answers, and goes on with the next. How
 * HTTP is parsed is not its business: http_parser does that, out of a buffer, and calls
 * back. SIGTERM stops in good order: no connection is accepted any more, those that wait
 * for a request are closed, and a request that has begun is still answered.
 *
 * Built if Debian's libhttp-parser-dev is there. */
#define _GNU_SOURCE
#include <millrace.h>

#include <fcntl.h>
#include <http_parser.h>
#include <linux/openat2.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum {
	LONGEST_URL = 2048, LARGEST_HEAD = 16 * 1024, LARGEST_BODY = 1 << 20,
	BUFFER = 16 * 1024,
	IDLE = 60, HEAD = 10, BODY = 30, ANSWER = 30,   /* seconds */
};

/* ---------------------------------------------------------------- requests -- */

enum field { OTHER, EXPECT, SINCE };

typedef struct {
	bool began, complete;
	int error;                      /* the status to refuse it with, or 0 */
	bool wants_continue, keep_alive;
	size_t url_len, head_len;
	char url[LONGEST_URL + 1];
	char field[32], since[40];      /* the header being read; If-Modified-Since */
	size_t field_len, since_len, expect_len;
	enum field in;
	bool in_value;
	char *body;
	size_t body_len;
} request;

static int refuse(request *r, int status)
{
	r->error = status;
	return -1;
}

static int on_begin(http_parser *p)
{
	((request *)p->data)->began = true;
	return 0;
}

/* Strings come in pieces, as the bytes do. */
static int on_url(http_parser *p, const char *at, size_t n)
{
	request *r = p->data;

	if (n > LONGEST_URL - r->url_len)
		return refuse(r, 414);
	memcpy(r->url + r->url_len, at, n);
	r->url_len += n;
	return 0;
}

static int on_field(http_parser *p, const char *at, size_t n)
{
	request *r = p->data;

	if (r->in_value) {
		r->in_value = false;
		r->field_len = 0;
		r->head_len += 4;       /* ": " and the line's end */
	}
	r->head_len += n;
	if (r->head_len > LARGEST_HEAD)
		return refuse(r, 431);
	if (r->field_len + n <= sizeof r->field)
		memcpy(r->field + r->field_len, at, n);
	r->field_len += n;              /* longer than there is room: none that we know */
	return 0;
}

static bool is_field(const request *r, const char *name)
{
	return r->field_len == strlen(name) && !strncasecmp(r->field, name, r->field_len);
}

static int on_value(http_parser *p, const char *at, size_t n)
{
	request *r = p->data;

	if (!r->in_value) {
		r->in_value = true;
		r->in = is_field(r, "Expect")            ? EXPECT :
			is_field(r, "If-Modified-Since") ? SINCE :
							   OTHER;
	}
	r->head_len += n;
	if (r->head_len > LARGEST_HEAD)
		return refuse(r, 431);
	if (r->in == EXPECT)
		r->expect_len += n;
	if (r->in == SINCE && r->since_len + n < sizeof r->since) {
		memcpy(r->since + r->since_len, at, n);
		r->since_len += n;
	}
	return 0;
}

static int on_head(http_parser *p)
{
	request *r = p->data;

	r->url[r->url_len] = '\0';
	r->wants_continue = r->expect_len > 0;
	if (p->content_length != UINT64_MAX && p->content_length > LARGEST_BODY)
		return refuse(r, 413);
	return 0;
}

static int on_body(http_parser *p, const char *at, size_t n)
{
	request *r = p->data;
	char *body;

	if (n > LARGEST_BODY - r->body_len)
		return refuse(r, 413);
	body = realloc(r->body, r->body_len + n);
	if (!body)
		return refuse(r, 503);
	memcpy(body + r->body_len, at, n);
	r->body = body;
	r->body_len += n;
	return 0;
}

/* The parser stops here: what follows in the buffer is the next request. */
static int on_complete(http_parser *p)
{
	request *r = p->data;

	r->complete = true;
	r->keep_alive = http_should_keep_alive(p) && !p->upgrade;
	http_parser_pause(p, 1);
	return 0;
}

/* --------------------------------------------------------------- answering -- */

typedef struct {
	net_conn *conn;
	context *stop;                  /* ends when the server stops */
	bufio_writer *out;
	http_parser parser;
	request req;
	char date[64];                  /* the header, of this second */
	time_t now;
	size_t at, end;                 /* what has been read and not parsed */
	char in[BUFFER];
} connection;

static int files = -1;                  /* the folder */

/* What has begun is finished, whether or not the server stops. */
static context *finish(void)
{
	return ctx_background();
}

static const char *words(int status)
{
	switch (status) {
	case 200: return "OK";
	case 301: return "Moved Permanently";
	case 304: return "Not Modified";
	case 400: return "Bad Request";
	case 403: return "Forbidden";
	case 404: return "Not Found";
	case 405: return "Method Not Allowed";
	case 408: return "Request Timeout";
	case 413: return "Payload Too Large";
	case 414: return "URI Too Long";
	case 431: return "Request Header Fields Too Large";
	case 503: return "Service Unavailable";
	default:  return "Internal Server Error";
	}
}

static size_t http_date(char *text, size_t n, const char *format, time_t t)
{
	struct tm tm;

	return strftime(text, n, format, gmtime_r(&t, &tm));
}

/* The status line and the headers that every answer has. */
static void begin(connection *c, int status, const char *type, size_t length)
{
	time_t now = time(NULL);

	if (now != c->now) {
		c->now = now;
		http_date(c->date, sizeof c->date, "Date: %a, %d %b %Y %T GMT\r\n", now);
	}
	if (ctx_err(c->stop))
		c->req.keep_alive = false;
	bufio_printf(finish(), c->out,
		     "HTTP/1.1 %d %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\n%s%s",
		     status, words(status), type, length, c->date,
		     c->req.keep_alive ? "" : "Connection: close\r\n");
}

static void answer(connection *c, int status, const char *type, const void *body, size_t n)
{
	begin(c, status, type, n);
	if (status == 405)
		bufio_printf(finish(), c->out, "Allow: GET, HEAD, POST\r\n");
	bufio_write(finish(), c->out, "\r\n", 2);
	if (c->parser.method != HTTP_HEAD)
		bufio_write(finish(), c->out, body, n);
}

static void answer_status(connection *c, int status)
{
	char text[64];
	int n = snprintf(text, sizeof text, "%d %s\n", status, words(status));

	answer(c, status, "text/plain", text, (size_t)n);
}

/* ------------------------------------------------------------------- files -- */

static int hex(char c)
{
	return c >= '0' && c <= '9' ? c - '0' :
	       c >= 'a' && c <= 'f' ? c - 'a' + 10 :
	       c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* "/a%20b?c" -> "a b", relative; false: not a path. */
static bool path_of(const char *url, char *path)
{
	if (*url++ != '/')
		return false;
	while (*url && *url != '?' && *url != '#') {
		int c = (unsigned char)*url++;

		if (c == '%') {
			int high = hex(url[0]), low = high < 0 ? -1 : hex(url[1]);

			if (low < 0)
				return false;
			c = high * 16 + low;
			url += 2;
		}
		if (c == '\0')
			return false;
		*path++ = (char)c;
	}
	*path = '\0';
	return true;
}

/* Never outside of the folder, neither by ".." nor by a link: the kernel sees to it. */
static int open_in(const char *path)
{
	struct open_how how = { .flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY,
				.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS };

	return (int)syscall(SYS_openat2, files, *path ? path : ".", &how, sizeof how);
}

static const char *type_of(const char *path)
{
	static const char *const types[][2] = {
		{ ".html", "text/html; charset=utf-8" }, { ".css", "text/css" },
		{ ".js", "text/javascript" },            { ".json", "application/json" },
		{ ".svg", "image/svg+xml" },             { ".png", "image/png" },
		{ ".jpg", "image/jpeg" },                { ".txt", "text/plain; charset=utf-8" },
		{ ".h", "text/plain" },                  { ".c", "text/plain" },
	};
	const char *dot = strrchr(path, '.');

	for (size_t i = 0; dot && i < sizeof types / sizeof types[0]; i++)
		if (strcasecmp(dot, types[i][0]) == 0)
			return types[i][1];
	return "application/octet-stream";
}

static void send_file(connection *c, int fd, const struct stat *st, const char *path)
{
	char modified[40];

	http_date(modified, sizeof modified, "%a, %d %b %Y %T GMT", st->st_mtime);
	c->req.since[c->req.since_len] = '\0';
	if (strcmp(c->req.since, modified) == 0) {
		c->parser.method = HTTP_HEAD;   /* without a body */
		answer(c, 304, type_of(path), "", 0);
		return;
	}
	begin(c, 200, type_of(path), (size_t)st->st_size);
	bufio_printf(finish(), c->out, "Last-Modified: %s\r\n\r\n", modified);
	if (c->parser.method == HTTP_HEAD)
		return;
	/* A file that has become shorter meanwhile: all that can be done is to hang up. */
	if (bufio_flush(finish(), c->out) < 0 ||
	    net_sendfile(finish(), c->conn, fd, 0, (size_t)st->st_size) != st->st_size)
		c->req.keep_alive = false;
}

static void answer_file(connection *c)
{
	char path[LONGEST_URL + 16];
	struct stat st;
	int fd = -1;

	if (files < 0 || !path_of(c->req.url, path)) {
		answer_status(c, files < 0 ? 404 : 400);
		return;
	}
	size_t n = strlen(path);
	if (n == 0 || path[n - 1] == '/')
		strcpy(path + n, "index.html");
	fd = open_in(path);
	if (fd < 0) {
		answer_status(c, errno == EACCES || errno == EXDEV || errno == ELOOP ? 403 :
				 errno == EMFILE || errno == ENFILE ? 503 : 404);
		return;
	}
	if (fstat(fd, &st) < 0 || S_ISDIR(st.st_mode)) {
		c->req.url[strcspn(c->req.url, "?#")] = '\0';
		begin(c, 301, "text/plain", 0);
		bufio_printf(finish(), c->out, "Location: %s/\r\n\r\n", c->req.url);
	} else if (!S_ISREG(st.st_mode)) {
		answer_status(c, 403);
	} else {
		send_file(c, fd, &st, path);
	}
	close(fd);
}

static void answer_request(connection *c)
{
	static const char hello[] = "Hello, world\n";
	request *r = &c->req;
	unsigned method = c->parser.method;

	net_set_write_deadline(c->conn, time_now() + ANSWER * SECOND);
	if (r->error) {
		r->keep_alive = false;
		answer_status(c, r->error);
	} else if (method == HTTP_POST && strcmp(r->url, "/echo") == 0) {
		answer(c, 200, "application/octet-stream", r->body, r->body_len);
	} else if (method != HTTP_GET && method != HTTP_HEAD) {
		answer_status(c, 405);
	} else if (strcmp(r->url, "/hello") == 0) {
		answer(c, 200, "text/plain", hello, sizeof hello - 1);
	} else {
		answer_file(c);
	}
}

/* ------------------------------------------------------------- connections -- */

static const http_parser_settings settings = {
	.on_message_begin = on_begin, .on_url = on_url, .on_header_field = on_field,
	.on_header_value = on_value, .on_headers_complete = on_head, .on_body = on_body,
	.on_message_complete = on_complete,
};

/* Some more bytes; false: no more. Who is slow has so long for a head and so long for a
 * body, however often a byte of it comes. */
static bool read_more(connection *c)
{
	request *r = &c->req;
	ssize_t n;

	if (r->wants_continue) {
		r->wants_continue = false;
		bufio_printf(finish(), c->out, "HTTP/1.1 100 Continue\r\n\r\n");
	}
	/* Answers to pipelined requests go out together. */
	if (bufio_unwritten(c->out) && bufio_flush(finish(), c->out) < 0)
		return false;
	if (!r->began)
		net_set_read_deadline(c->conn, time_now() + IDLE * SECOND);
	n = net_read(r->began ? finish() : c->stop, c->conn, c->in, sizeof c->in);
	if (n == -ETIMEDOUT && r->began) {
		r->error = 408;
		return true;
	}
	c->at = 0;
	c->end = n > 0 ? (size_t)n : 0;
	return n > 0;
}

/* Read until a request is complete or refused; false: the connection is over. */
static bool read_request(connection *c)
{
	request *r = &c->req;
	bool timed = false, in_body = false;

	free(r->body);
	memset(r, 0, offsetof(request, url));
	r->field_len = r->since_len = r->expect_len = r->body_len = 0;
	r->in_value = false;
	r->body = NULL;
	http_parser_pause(&c->parser, 0);
	while (!r->complete && !r->error) {
		if (c->at == c->end && !read_more(c))
			return false;
		if (r->error)
			break;
		c->at += http_parser_execute(&c->parser, &settings, c->in + c->at,
					     c->end - c->at);
		enum http_errno err = HTTP_PARSER_ERRNO(&c->parser);
		if (err != HPE_OK && err != HPE_PAUSED && !r->error)
			r->error = err == HPE_HEADER_OVERFLOW ? 431 : 400;
		if (r->began && !timed) {
			timed = true;
			net_set_read_deadline(c->conn, time_now() + HEAD * SECOND);
		}
		if (r->body_len && !in_body) {
			in_body = true;
			net_set_read_deadline(c->conn, time_now() + BODY * SECOND);
		}
	}
	return true;
}

static void serve(context *stop, net_conn *conn, waitgroup *serving)
{
	connection *c = calloc(1, sizeof *c);

	if (c)
		c->out = bufio_writer_net(conn, BUFFER);
	if (c && c->out) {
		c->conn = conn;
		c->stop = stop;
		http_parser_init(&c->parser, HTTP_REQUEST);
		c->parser.data = &c->req;
		while (read_request(c)) {
			answer_request(c);
			if (!c->req.keep_alive)
				break;
		}
		/* What the client has sent in vain must not make the kernel take our answer
		 * back: the end first, then a moment to read. */
		if (bufio_flush(finish(), c->out) == 0 && c->req.error &&
		    net_close_write(finish(), conn) == 0) {
			net_set_read_deadline(conn, time_now() + SECOND);
			while (net_read(finish(), conn, c->in, sizeof c->in) > 0)
				;
		}
		free(c->req.body);
	}
	net_close(conn);
	if (c)
		bufio_writer_free(c->out);
	free(c);
	wg_done(serving);
}

#ifndef HTTPD_NO_MAIN
int main(int argc, char **argv)
{
	context *stop = signal_context(ctx_background(), SIGINT, SIGTERM);
	char address[NET_ADDRESS];
	waitgroup serving = {0};
	net_conn *listener, *conn;
	int err;

	if (argc != 2 && argc != 3) {
		fprintf(stderr, "usage: httpd PORT [DIR]\n");
		return 2;
	}
	if (argc == 3 && (files = open(argv[2], O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0) {
		perror(argv[2]);
		return 1;
	}
	snprintf(address, sizeof address, "127.0.0.1:%s", argv[1]);
	err = net_listen(stop, "tcp", address, &listener);
	if (err) {
		fprintf(stderr, "httpd: %s: %s\n", address, strerror(-err));
		return 1;
	}
	net_local(listener, address, sizeof address);
	printf("listening on %s\n", address);
	fflush(stdout);
	while ((err = net_accept(stop, listener, &conn)) == 0) {
		wg_add(&serving, 1);
		go(serve, stop, conn, &serving);
	}
	net_close(listener);
	wg_wait(&serving);
	if (!ctx_err(stop)) {
		fprintf(stderr, "httpd: accept: %s\n", strerror(-err));
		return 1;
	}
	ctx_free(stop);
	return 0;
}
#endif
