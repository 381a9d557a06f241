/* Every name of short.h in its prefixed form; the short ones are then free for other
 * use. short.c is the same with the short names. */
#define MILLRACE_PREFIX_ONLY
#include <millrace.h>
#include <signal.h>

typedef struct { int x, y; } point;

void goroutines(int fd);
int buffers(mr_context *ctx, mr_net_conn *c, char *buf, size_t n);
int programs(mr_context *parent, char *const argv[]);
int descriptors(mr_context *ctx, int fd, char *buf, size_t n);
int connections(mr_context *ctx, char *buf, size_t n, const struct iovec *iov, int file);
int panics(int n);
int channels(mr_chan(int) ch, mr_recv_chan(point) in, mr_send_chan(point) out);
int selects(mr_chan(int) ch, mr_recv_chan(point) in, mr_send_chan(point) out);
int sync_types(void);
void times(void (*fn)(void *));
int contexts(mr_context *parent, mr_duration d);
int groups(mr_context *parent);
int shelf(mr_context *ctx);
void signals(void);
size_t maps(void);

static void nothing(void) { }
static void fill(mr_send_chan(int) out, int n)
{
	mr_defer(mr_chan_close, out);
	for (int i = 0; i < n; i++)
		mr_chan_send(out, i);
}

void goroutines(int fd)
{
	mr_chan(int) ch = mr_chan_make(int);
	mr_go_opts opts = { .name = "filler", .stack = 1 << 16 };
	int procs = mr_go_procs(0);

	mr_go(nothing);
	mr_go(fill, ch, 3);
	mr_go_with(opts, nothing);
	mr_go_with(((mr_go_opts){ .name = "other", .stack = 0 }), fill, ch, 3);
	mr_go_yield();
	mr_go_lock_thread();
	mr_go_unlock_thread();
	mr_go_pin();
	mr_go_unpin();
	mr_go_dump(fd);
	mr_go_leaks(stderr);
	mr_go_blocking_begin();
	mr_go_blocking_end();
	if (mr_go_id() == 1 && mr_go_count() > procs)
		mr_go_exit();
	mr_go_block();
}

int panics(int n)
{
	mr_chan(int) ch = mr_chan_make(int);
	mr_defer(mr_chan_free, ch);
	if (n < 0)
		mr_panic("negative: %d", n);
	return mr_go_try(fill, ch, n) == NULL && !mr_unwinding();
}

int channels(mr_chan(int) ch, mr_recv_chan(point) in, mr_send_chan(point) out)
{
	mr_chan(point) points = mr_chan_make(point, 3);
	int v = mr_chan_recv(ch);
	bool ok = mr_chan_recv(ch, &v);
	point p = { 1, 2 };

	mr_chan_send(ch, 1);
	mr_chan_send(out, p);
	mr_chan_send(points, { 3, 4 });
	switch (mr_chan_trysend(out, p)) {
	case MR_CHAN_OK: v++; break;
	case MR_CHAN_WOULD_BLOCK: v--; break;
	case MR_CHAN_CLOSED: v = 0; break;
	}
	if (mr_chan_tryrecv(in, &p) == MR_CHAN_OK)
		v += p.x;
	mr_chan_range(q, points)
		v += q.y;
	mr_chan_close(out);
	mr_defer(mr_chan_free, points);
	return v + ok + mr_chan_len(ch) + mr_chan_cap(ch);
}

int selects(mr_chan(int) ch, mr_recv_chan(point) in, mr_send_chan(point) out)
{
	enum { GOT, SENT, LATE };
	int v = 0;
	bool ok;
	point p;
	mr_select_case none = { .op = MR_SELECT_NONE };
	mr_select_case table[] = {
		none, mr_on_recv(ch, &v), mr_on_send_from(out, &p), mr_on_default
	};

	switch (mr_chan_select([GOT] = mr_on_recv(in, &p, &ok),
			    [SENT] = mr_on_send(out, { 1, 2 }),
			    [LATE] = mr_on_timeout(5 * MR_SECOND))) {
	case GOT: return p.x;
	case SENT: break;
	case LATE: break;
	}
	v += mr_chan_select_ordered(mr_on_recv(ch), mr_on_default);
	v += mr_chan_select_n(table, 4) + mr_chan_select_ordered_n(table, 4);
	return v + (table[1].op == MR_SELECT_RECV) + (table[2].op == MR_SELECT_SEND) +
	       (table[3].op == MR_SELECT_DEFAULT) + (table[0].op == MR_SELECT_TIMEOUT);
}

static void set(void *p) { *(int *)p = 1; }
struct account {
	mr_mutex mu;
	long balance mr_guarded_by(mu);
};
void deposit(struct account *a) mr_requires_lock(&a->mu);
void deposit(struct account *a) { a->balance++; }

int sync_types(void)
{
	mr_waitgroup wg = {0};
	mr_mutex m = {0};
	mr_rwmutex rw = {0};
	mr_once o = {0};
	mr_cond c = {0};
	int n = 0;

	mr_wg_add(&wg, 1);
	mr_wg_go(&wg, nothing);
	mr_wg_go(&wg, set, &n);
	mr_wg_done(&wg);
	mr_wg_wait(&wg);
	mr_mutex_lock(&m);
	mr_cond_signal(&c);
	mr_cond_broadcast(&c);
	mr_cond_wait(&c, &m);
	mr_mutex_unlock(&m);
	if (mr_mutex_trylock(&m))
		mr_mutex_unlock(&m);
	mr_rwmutex_rlock(&rw);
	mr_rwmutex_runlock(&rw);
	if (mr_rwmutex_tryrlock(&rw))
		mr_rwmutex_runlock(&rw);
	mr_rwmutex_lock(&rw);
	mr_rwmutex_unlock(&rw);
	if (mr_rwmutex_trylock(&rw))
		mr_rwmutex_unlock(&rw);
	mr_once_do(&o, nothing);
	mr_once_call(&o, set, &n);
	return n;
}

void times(void (*fn)(void *))
{
	const mr_duration all = MR_NANOSECOND + MR_MICROSECOND + MR_MILLISECOND +
			     MR_SECOND + MR_MINUTE + MR_HOUR;
	mr_recv_chan(int64_t) after = mr_time_after(all);
	mr_timer *t = mr_timer_make(MR_SECOND);
	mr_timer *f = mr_timer_after_func(MR_SECOND, fn, NULL);
	mr_timer *tick = mr_ticker_make(MR_SECOND);
	int64_t now = mr_time_now() + mr_chan_recv(mr_timer_chan(tick)) +
		      mr_chan_recv(after);

	mr_go_sleep(now);
	if (mr_timer_stop(t) || mr_timer_reset(f, MR_SECOND))
		mr_timer_free(t);
	mr_timer_free(f);
	mr_timer_free(tick);
	mr_chan_free(after);
}

static void end(void *ctx) { mr_ctx_free(ctx); }
int contexts(mr_context *parent, mr_duration d)
{
	static const int key = 1;
	mr_context *ctx = mr_ctx_with_timeout(parent, d), *todo = mr_ctx_todo();
	mr_context *late = mr_ctx_with_deadline(mr_ctx_background(), mr_time_now() + d);
	mr_context *value = mr_ctx_with_value(ctx, &key, late);
	mr_context *off = mr_ctx_without_cancel(value), *c = mr_ctx_with_cancel(off);
	mr_ctx_after *after = mr_ctx_after_func(late, end, mr_ctx_ref(c));
	mr_recv_chan(char) done = mr_ctx_done(c);
	int64_t when = 0;
	int v = 0;

	mr_defer(mr_ctx_free, ctx);
	switch (mr_chan_select(mr_on_done(ctx), mr_on_recv(done), mr_on_done(todo), mr_on_default)) {
	case 0: v = mr_ctx_err(ctx) == MR_CTX_CANCELED; break;
	case 1: v = mr_ctx_err(c) == MR_CTX_DEADLINE_EXCEEDED; break;
	}
	if (mr_ctx_deadline(late, &when) && mr_ctx_value(c, &key) == late)
		v += mr_ctx_errstr(late) == mr_ctx_cause(late);
	mr_ctx_cancel_cause(c, "no more");
	mr_ctx_cancel(late);
	if (mr_ctx_after_stop(after))
		mr_ctx_unref(c);
	mr_ctx_free(c);
	mr_ctx_free(off);
	mr_ctx_free(value);
	mr_ctx_unref(late);
	return v + (when > 0);
}

static int twice(int n) { return 2 * n; }
static void *load(void *p) { return p; }
static void *make_one(void) { return NULL; }
int groups(mr_context *parent)
{
	mr_context *ctx;
	mr_errgroup *g = mr_eg_make(parent, &ctx);
	mr_scope *s = mr_scope_begin(ctx);
	bool started;

	mr_defer(mr_scope_end, s);
	mr_eg_set_limit(g, 2);
	mr_eg_go(g, twice, 0);
	started = mr_eg_trygo(g, twice, 0);
	mr_scope_go(s, nothing);
	mr_scope_go(s, twice, 0);
	return mr_eg_wait(g) + mr_scope_wait(s) + started + (mr_scope_ctx(s) != ctx);
}

int shelf(mr_context *ctx)
{
	static mr_semaphore sem = MR_SEMAPHORE(2);
	mr_flight f = {0};
	mr_once_value o = {0};
	mr_pool *p = mr_pool_make(make_one, set);
	int n = 0;
	bool shared;

	if (mr_sem_acquire(&sem, ctx, 2) == 0)
		mr_sem_release(&sem, 2);
	if (mr_sem_tryacquire(&sem, 1))
		mr_sem_release(&sem, 1);
	mr_flight_forget(&f, "key");
	if (mr_flight_do(&f, "key", load, &n, &shared) == mr_once_value_get(&o, load, &n))
		n += shared;
	mr_pool_put(p, mr_pool_get(p));
	mr_pool_free(p);
	return n;
}

void signals(void)
{
	mr_chan(int) ch = mr_chan_make(int, 1);

	mr_signal_notify(ch, SIGINT);
	mr_signal_notify(ch, SIGINT, SIGTERM);
	mr_signal_notify_n(ch, (const int[]){ SIGHUP }, 1);
	mr_signal_stop(ch);
	mr_chan_free(ch);
}

size_t maps(void)
{
	mr_map(const char *, int) m = mr_map_make(const char *, int);
	mr_sync_map(int, int) s = mr_sync_map_make(int, int);
	const int kinds[] = { MR_KEY_BYTES, MR_KEY_INT, MR_KEY_STRING };
	mr_map_iter it = mr_map_iter_make(m);
	mr_sync_map_iter sit = mr_sync_map_iter_make(s);
	const char *text;
	int k, v = kinds[0];

	mr_map_set(m, "a", 1);
	if (mr_map_get(m, "a", &v) && mr_map_delete(m, "b"))
		v += mr_map_get(m, "c");
	mr_map_range(text, k, m)
		v += text[0] + k;
	mr_sync_map_store(s, 1, 2);
	v += mr_sync_map_load(s, 1) + mr_sync_map_swap(s, 1, 2, &k);
	v += mr_sync_map_load_or_store(s, 1, 2, &k);
	v += mr_sync_map_load_and_delete(s, 1, &k) + mr_sync_map_delete(s, 1);
	v += mr_sync_map_compare_and_swap(s, 1, 2, 3);
	v += mr_sync_map_compare_and_delete(s, 1, 2);
	mr_sync_map_range(k, v, s)
		break;
	mr_map_iter_end(&it);
	mr_sync_map_iter_end(&sit);
	mr_map_clear(m);
	mr_sync_map_clear(s);
	mr_map_free(m);
	mr_sync_map_free(s);
	return mr_map_len(NULL) + (size_t)v;
}

int go, panic, defer, chan, mutex, once, timer, select_case, on_default, SECOND, CHAN_OK;
int context, ctx_cancel, on_done, errgroup, eg_go, scope, semaphore, flight, pool, once_value;
int map, map_get, sync_map;

int descriptors(mr_context *ctx, int fd, char *buf, size_t n)
{
	if (mr_io_wait(ctx, fd, MR_IO_IN | MR_IO_OUT) < 0 || mr_io_read(ctx, fd, buf, n) < 0 ||
	    mr_io_write(ctx, fd, buf, n) < 0 || mr_io_readfull(ctx, fd, buf, n) < 0 ||
	    mr_io_writeall(ctx, fd, buf, n) < 0)
		return 1;
	return mr_io_close(fd);
}

int connections(mr_context *ctx, char *buf, size_t n, const struct iovec *iov, int file)
{
	char text[MR_NET_ADDRESS];
	mr_net_conn *l, *c;
	mr_net_addr a;

	if (mr_net_listen(ctx, "tcp", ":0", &l) < 0 || mr_net_accept(ctx, l, &c) < 0 ||
	    mr_net_dial(ctx, "tcp", "localhost:80", &c) < 0 ||
	    mr_net_resolve(ctx, "udp", "[::1]:53", &a) < 0)
		return 1;
	mr_net_text(&a, text, sizeof text);
	if (mr_net_read(ctx, c, buf, n) < 0 || mr_net_write(ctx, c, buf, n) < 0 ||
	    mr_net_writev(ctx, c, iov, 2) < 0 || mr_net_sendfile(ctx, c, file, 0, n) < 0 ||
	    mr_net_readfrom(ctx, l, buf, n, &a) < 0 || mr_net_writeto(ctx, l, buf, n, &a) < 0)
		return 1;
	mr_net_set_deadline(c, 0);
	mr_net_set_read_deadline(c, mr_time_now());
	mr_net_set_write_deadline(c, 0);
	mr_net_local(c, text, sizeof text);
	mr_net_peer(c, text, sizeof text);
	mr_net_close_write(ctx, c);
	return mr_net_close(c) + mr_net_fd(l);
}

int buffers(mr_context *ctx, mr_net_conn *c, char *buf, size_t n)
{
	mr_bufio_reader *r = mr_bufio_reader_net(c, 1000), *r2 = mr_bufio_reader_fd(0, 1000);
	mr_bufio_writer *w = mr_bufio_writer_net(c, 1000), *w2 = mr_bufio_writer_fd(1, 1000);
	char *line;

	if (mr_bufio_read(ctx, r, buf, n) < 0 || mr_bufio_readfull(ctx, r, buf, n) < 0 ||
	    mr_bufio_readline(ctx, r2, &line) < 0 || mr_bufio_peek(ctx, r, 1, &line) < 0)
		return 1;
	mr_bufio_skip(r, mr_bufio_unread(r));
	mr_bufio_write(ctx, w, buf, n);
	mr_bufio_printf(ctx, w2, "%d", mr_bufio_unwritten(w) ? 1 : 0);
	n = mr_bufio_flush(ctx, w) < 0;
	mr_bufio_reader_free(r);
	mr_bufio_reader_free(r2);
	mr_bufio_writer_free(w);
	mr_bufio_writer_free(w2);
	r = mr_bufio_reader_new(NULL, NULL, 16);
	w = mr_bufio_writer_new(NULL, NULL, 16);
	mr_bufio_reader_free(r);
	mr_bufio_writer_free(w);
	return (int)n;
}

int programs(mr_context *parent, char *const argv[])
{
	mr_context *ctx = mr_signal_context(parent, SIGINT, SIGTERM);
	mr_proc_opts o = { .in = MR_PROC_PIPE, .out = MR_PROC_FD(3), .err = MR_PROC_STDOUT };
	mr_proc_opts none = { .in = MR_PROC_NULL, .out = MR_PROC_SAME };
	mr_proc *p;
	int status = 0;

	if (mr_proc_run(ctx, argv, &none, &p) < 0 || mr_proc_run(ctx, argv, &o, &p) < 0)
		return 1;
	if (mr_proc_in(p) < 0 || mr_proc_out(p) >= 0 || mr_proc_err(p) >= 0)
		mr_proc_kill(p, SIGTERM);
	mr_proc_close_in(p);
	if (mr_proc_pid(p) > 0)
		status = mr_chan_recv(mr_proc_exited(p));
	mr_proc_free(p);
	mr_ctx_free(ctx);
	return status;
}
