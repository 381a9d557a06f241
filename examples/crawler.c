/* crawler.c - visits all pages of a local server that its first one leads to.
 *
 *     crawler PORT [PATH]
 *
 * Each page that is found starts a goroutine for each new link, all in one errgroup. So
 * many fetch at a time as a semaphore lets; not the group's own limit, at which pages
 * would wait for each other to start their links. A deadline ends all of it. What has been
 * seen is in a sync_map. HTTP is http_parser's business, HTML libxml2's.
 *
 * Prints "status bytes path" for each page, in no order; ends with status 1 if one could
 * not be fetched, or the time was over.
 *
 * Built if Debian's libhttp-parser-dev and libxml2-dev are there. */
#include <millrace.h>

#include <http_parser.h>
#include <libxml/HTMLparser.h>
#include <libxml/uri.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { AT_ONCE = 16, LARGEST = 8 << 20, SECONDS = 30 };

typedef struct {
	context *ctx;
	errgroup *group;
	char server[NET_ADDRESS];
	semaphore fetching;
	sync_map(char *, int) seen;
	mutex printing;
	int pages, bad;                 /* by printing */
} crawl;

static void visit(crawl *c, const char *path);

/* ------------------------------------------------------------------- HTTP -- */

typedef struct {
	char *body;
	size_t len;
	bool complete, is_html, in_type;
	char location[1024];
	bool in_location;
} page;

static int on_field(http_parser *p, const char *at, size_t n)
{
	page *pg = p->data;

	pg->in_type = n == 12 && strncasecmp(at, "Content-Type", n) == 0;
	pg->in_location = n == 8 && strncasecmp(at, "Location", n) == 0;
	return 0;
}
static int on_value(http_parser *p, const char *at, size_t n)
{
	page *pg = p->data;

	if (pg->in_type && n >= 9 && strncasecmp(at, "text/html", 9) == 0)
		pg->is_html = true;
	if (pg->in_location && n < sizeof pg->location)
		snprintf(pg->location, sizeof pg->location, "%.*s", (int)n, at);
	return 0;
}
static int on_body(http_parser *p, const char *at, size_t n)
{
	page *pg = p->data;
	char *body = pg->len + n > LARGEST ? NULL : realloc(pg->body, pg->len + n);

	if (!body)
		return -1;
	memcpy(body + pg->len, at, n);
	pg->body = body;
	pg->len += n;
	return 0;
}
static int on_complete(http_parser *p)
{
	((page *)p->data)->complete = true;
	return 0;
}

/* The status, or a negative code. pg->body is the caller's. */
static int fetch(crawl *c, const char *path, page *pg)
{
	static const http_parser_settings settings = {
		.on_header_field = on_field, .on_header_value = on_value,
		.on_body = on_body, .on_message_complete = on_complete,
	};
	char *buf = malloc(16384);
	net_conn *conn;
	http_parser p;
	int err = buf ? net_dial(c->ctx, "tcp", c->server, &conn) : -ENOMEM;
	ssize_t n;

	defer(free, buf);
	if (err)
		return err;
	defer(net_close, conn);
	n = snprintf(buf, 16384,
		     "GET %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n", path,
		     c->server);
	if (n >= 16384 || net_write(c->ctx, conn, buf, (size_t)n) != n)
		return -EIO;
	http_parser_init(&p, HTTP_RESPONSE);
	p.data = pg;
	while (!pg->complete && (n = net_read(c->ctx, conn, buf, 16384)) >= 0) {
		/* With 0 bytes it is told of the end. */
		size_t used = http_parser_execute(&p, &settings, buf, (size_t)n);

		if (used != (size_t)n || (n == 0 && !pg->complete))
			return -EPROTO;
	}
	return pg->complete ? (int)p.status_code : (int)n;
}

/* ------------------------------------------------------------------- links -- */

/* Of the same server, without what follows '#': its path; NULL: elsewhere. */
static char *path_of(const char *link, const char *base)
{
	xmlChar *all = xmlBuildURI((const xmlChar *)link, (const xmlChar *)base);
	xmlURIPtr uri = all ? xmlParseURI((char *)all) : NULL;
	xmlURIPtr here = xmlParseURI(base);
	char *path = NULL;

	if (uri && here && uri->scheme && strcmp(uri->scheme, "http") == 0 && uri->server &&
	    strcmp(uri->server, here->server) == 0 && uri->port == here->port) {
		xmlFree(uri->fragment);
		uri->fragment = NULL;
		xmlFree(uri->scheme);
		xmlFree(uri->server);
		uri->scheme = uri->server = NULL;
		uri->port = 0;
		char *text = (char *)xmlSaveUri(uri);

		path = text ? strdup(*text ? text : "/") : NULL;
		xmlFree(text);
	}
	xmlFreeURI(uri);
	xmlFreeURI(here);
	xmlFree(all);
	return path;
}

static void follow(crawl *c, const char *link, const char *base)
{
	char *path = path_of(link, base);

	if (path)
		visit(c, path);
	free(path);
}

static void follow_all(crawl *c, const xmlNode *node, const char *base)
{
	for (; node; node = node->next) {
		xmlChar *link = NULL;

		if (node->type == XML_ELEMENT_NODE &&
		    (strcmp((const char *)node->name, "a") == 0 ||
		     strcmp((const char *)node->name, "link") == 0))
			link = xmlGetProp(node, (const xmlChar *)"href");
		if (link)
			follow(c, (char *)link, base);
		xmlFree(link);
		follow_all(c, node->children, base);
	}
}

/* ------------------------------------------------------------------- pages -- */

static int crawl_page(crawl *c, char *path)
{
	char base[NET_ADDRESS + 2048];
	page pg = { 0 };
	int status = sem_acquire(&c->fetching, c->ctx, 1);

	if (status == 0) {
		status = fetch(c, path, &pg);
		sem_release(&c->fetching, 1);
	}
	snprintf(base, sizeof base, "http://%s%s", c->server, path);
	mutex_lock(&c->printing);
	c->pages++;
	c->bad += status != 200 && status != 301;
	if (status < 0)
		printf("failed (%s) %s\n", strerror(-status), path);
	else
		printf("%d %zu %s\n", status, pg.len, path);
	mutex_unlock(&c->printing);
	if (status == 301)
		follow(c, pg.location, base);
	if (status == 200 && pg.is_html) {
		htmlDocPtr doc = htmlReadMemory(pg.body, (int)pg.len, base, NULL,
						HTML_PARSE_NOERROR | HTML_PARSE_NOWARNING |
							HTML_PARSE_NONET);
		if (doc) {
			follow_all(c, xmlDocGetRootElement(doc), base);
			xmlFreeDoc(doc);
		}
	}
	free(pg.body);
	free(path);
	return 0;
}

static void visit(crawl *c, const char *path)
{
	char *own = strdup(path);
	int before;

	if (!own)
		panic("out of memory");
	if (ctx_err(c->ctx) || sync_map_load_or_store(c->seen, own, 1, &before)) {
		free(own);
		return;
	}
	eg_go(c->group, crawl_page, c, own);
}

int main(int argc, char **argv)
{
	context *all = ctx_with_timeout(ctx_background(), SECONDS * SECOND);
	crawl c = { .fetching = SEMAPHORE(AT_ONCE) };
	int bad;

	if (argc != 2 && argc != 3) {
		fprintf(stderr, "usage: crawler PORT [PATH]\n");
		return 2;
	}
	xmlInitParser();
	snprintf(c.server, sizeof c.server, "127.0.0.1:%s", argv[1]);
	c.seen = sync_map_make(char *, int);
	c.group = eg_make(all, &c.ctx);
	visit(&c, argc == 3 ? argv[2] : "/");
	eg_wait(c.group);
	bad = c.bad || ctx_err(all);
	printf("%d pages, %d bad%s\n", c.pages, c.bad,
	       ctx_err(all) ? ", and the time is over" : "");
	sync_map_free(c.seen);
	ctx_free(all);
	return bad;
}
