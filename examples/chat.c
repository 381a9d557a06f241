/* chat.c - a chat: what one says all others hear.
 *
 *     chat PORT
 *
 *   reader ──joins, says, leaves──> room ──lines──> writer      (two goroutines a member)
 *
 * Only the goroutine of the room knows who is in, so there is no lock. It never waits for
 * a member: each has a channel with some room, and whoever is so slow that it is full is
 * thrown out. The first line of a member is the name. */
#include <millrace.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LONGEST = 512, BEHIND = 64 };

/* A line that several members are sent: the last one frees it. */
typedef struct { int refs; size_t len; char text[]; } line;

typedef struct member {
	char name[32];
	net_conn *conn;
	chan(line *) lines;                     /* closed by the room when it is out */
	struct member *next;                    /* the room's */
} member;

/* What happens in the room. */
typedef struct { enum { JOINS, SAYS, LEAVES } what; member *who; line *said; } event;

static line *line_of(const char *format, const char *name, const char *text)
{
	int n = snprintf(NULL, 0, format, name, text);
	line *l = malloc(sizeof *l + (size_t)n + 1);

	if (!l)
		panic("out of memory");
	snprintf(l->text, (size_t)n + 1, format, name, text);
	*l = (line){ .refs = 1, .len = (size_t)n };
	return l;
}

static void line_drop(line *l)
{
	if (__atomic_sub_fetch(&l->refs, 1, __ATOMIC_ACQ_REL) == 0)
		free(l);
}

/* ---- the room ---- */

/* It gets no more lines, and its connection is closed when it has those it has. */
static void throw_out(member **members, member *m)
{
	for (member **at = members; *at; at = &(*at)->next)
		if (*at == m) {
			*at = m->next;
			chan_close(m->lines);
			return;
		}
}

static void tell(member **members, member *except, line *l)
{
	for (member *m = *members, *next; m; m = next) {
		next = m->next;
		if (m == except)
			continue;
		__atomic_add_fetch(&l->refs, 1, __ATOMIC_RELAXED);
		switch (chan_select(on_send(m->lines, l), on_default)) {
		case 0: break;
		case 1:
			fprintf(stderr, "chat: %s is too slow\n", m->name);
			throw_out(members, m);
			net_close(m->conn);     /* its writer may hang there */
			line_drop(l);
		}
	}
	line_drop(l);
}

static void room(recv_chan(event) events)
{
	member *members = NULL;
	event e;

	while (chan_recv(events, &e)) {
		switch (e.what) {
		case JOINS:
			e.who->next = members;
			members = e.who;
			tell(&members, NULL, line_of("* %s is here%s\n", e.who->name, ""));
			break;
		case SAYS: tell(&members, e.who, e.said); break;
		case LEAVES:
			throw_out(&members, e.who);
			tell(&members, NULL, line_of("* %s has left%s\n", e.who->name, ""));
			break;
		}
	}
}

/* ---- a member ---- */

static void writer(member *m)
{
	bool good = true;
	line *l;

	while (chan_recv(m->lines, &l)) {
		good = good && net_write(ctx_background(), m->conn, l->text, l->len) ==
				       (ssize_t)l->len;
		line_drop(l);
	}
	net_close(m->conn);             /* the reader ends */
}

/* One line without its end, cut at the longest; false at the end. */
static bool read_line(context *ctx, bufio_reader *r, char *text)
{
	char *at;
	ssize_t n = bufio_readline(ctx, r, &at);

	if (n <= 0)
		return false;
	while (n > 0 && (at[n - 1] == '\n' || at[n - 1] == '\r'))
		n--;
	memcpy(text, at, (size_t)n);
	text[n] = '\0';
	return true;
}

static void reader(context *ctx, net_conn *conn, send_chan(event) events, waitgroup *in)
{
	defer(wg_done, in);
	bufio_reader *r = bufio_reader_net(conn, LONGEST);
	char text[LONGEST + 1];
	member m = { .conn = conn };
	waitgroup writing = {0};

	if (r && read_line(ctx, r, text)) {
		snprintf(m.name, sizeof m.name, "%.31s", text);
		m.lines = chan_make(line *, BEHIND);
		wg_go(&writing, writer, &m);
		chan_send(events, ((event){ JOINS, &m, NULL }));
		while (read_line(ctx, r, text))
			chan_send(events, ((event){ SAYS, &m,
						    line_of("%s: %s\n", m.name, text) }));
		chan_send(events, ((event){ LEAVES, &m, NULL }));
		wg_wait(&writing);
		chan_free(m.lines);
	}
	net_close(conn);                /* if nobody has yet */
	bufio_reader_free(r);
}

int main(int argc, char **argv)
{
	context *ctx = signal_context(ctx_background(), SIGINT, SIGTERM);
	chan(event) events = chan_make(event);
	waitgroup members = {0}, room_runs = {0};
	char address[NET_ADDRESS];
	net_conn *listener, *conn;
	int err;

	if (argc != 2) {
		fprintf(stderr, "usage: chat PORT\n");
		return 2;
	}
	snprintf(address, sizeof address, "127.0.0.1:%s", argv[1]);
	err = net_listen(ctx, "tcp", address, &listener);
	if (err) {
		fprintf(stderr, "chat: %s: %s\n", address, strerror(-err));
		return 1;
	}
	net_local(listener, address, sizeof address);
	printf("listening on %s\n", address);
	fflush(stdout);
	wg_go(&room_runs, room, events);
	while (net_accept(ctx, listener, &conn) == 0) {
		wg_add(&members, 1);
		go(reader, ctx, conn, events, &members);
	}
	net_close(listener);
	wg_wait(&members);
	chan_close(events);
	wg_wait(&room_runs);
	chan_free(events);
	ctx_free(ctx);
	return 0;
}
