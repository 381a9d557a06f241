/* Every name of short.h, used. prefixed.c is the same with the prefixed names. */
#include <millrace.h>
#include <signal.h>

typedef struct { int x, y; } point;

void goroutines(int fd);
int buffers(context *ctx, net_conn *c, char *buf, size_t n);
int programs(context *parent, char *const argv[]);
int descriptors(context *ctx, int fd, char *buf, size_t n);
int connections(context *ctx, char *buf, size_t n, const struct iovec *iov, int file);
int panics(int n);
int channels(chan(int) ch, recv_chan(point) in, send_chan(point) out);
int selects(chan(int) ch, recv_chan(point) in, send_chan(point) out);
int sync_types(void);
void times(void (*fn)(void *));
int contexts(context *parent, duration d);
int groups(context *parent);
int shelf(context *ctx);
void signals(void);

static void nothing(void) { }
static void fill(send_chan(int) out, int n)
{
	defer(chan_close, out);
	for (int i = 0; i < n; i++)
		chan_send(out, i);
}

void goroutines(int fd)
{
	chan(int) ch = chan_make(int);
	go_opts opts = { .name = "filler", .stack = 1 << 16 };
	int procs = go_procs(0);

	go(nothing);
	go(fill, ch, 3);
	go_with(opts, nothing);
	go_with(((go_opts){ .name = "other", .stack = 0 }), fill, ch, 3);
	go_yield();
	go_lock_thread();
	go_unlock_thread();
	go_pin();
	go_unpin();
	go_dump(fd);
	go_leaks(stderr);
	go_blocking_begin();
	go_blocking_end();
	if (go_id() == 1 && go_count() > procs)
		go_exit();
	go_block();
}

int panics(int n)
{
	chan(int) ch = chan_make(int);
	defer(chan_free, ch);
	if (n < 0)
		panic("negative: %d", n);
	return go_try(fill, ch, n) == NULL && !mr_unwinding();
}

int channels(chan(int) ch, recv_chan(point) in, send_chan(point) out)
{
	chan(point) points = chan_make(point, 3);
	int v = chan_recv(ch);
	bool ok = chan_recv(ch, &v);
	point p = { 1, 2 };

	chan_send(ch, 1);
	chan_send(out, p);
	chan_send(points, { 3, 4 });
	switch (chan_trysend(out, p)) {
	case CHAN_OK: v++; break;
	case CHAN_WOULD_BLOCK: v--; break;
	case CHAN_CLOSED: v = 0; break;
	}
	if (chan_tryrecv(in, &p) == CHAN_OK)
		v += p.x;
	chan_range(q, points)
		v += q.y;
	chan_close(out);
	defer(chan_free, points);
	return v + ok + chan_len(ch) + chan_cap(ch);
}

int selects(chan(int) ch, recv_chan(point) in, send_chan(point) out)
{
	enum { GOT, SENT, LATE };
	int v = 0;
	bool ok;
	point p;
	select_case none = { .op = SELECT_NONE };
	select_case table[] = {
		none, on_recv(ch, &v), on_send_from(out, &p), on_default
	};

	switch (chan_select([GOT] = on_recv(in, &p, &ok),
			    [SENT] = on_send(out, { 1, 2 }),
			    [LATE] = on_timeout(5 * SECOND))) {
	case GOT: return p.x;
	case SENT: break;
	case LATE: break;
	}
	v += chan_select_ordered(on_recv(ch), on_default);
	v += chan_select_n(table, 4) + chan_select_ordered_n(table, 4);
	return v + (table[1].op == SELECT_RECV) + (table[2].op == SELECT_SEND) +
	       (table[3].op == SELECT_DEFAULT) + (table[0].op == SELECT_TIMEOUT);
}

static void set(void *p) { *(int *)p = 1; }
struct account {
	mutex mu;
	long balance guarded_by(mu);
};
void deposit(struct account *a) requires_lock(&a->mu);
void deposit(struct account *a) { a->balance++; }

int sync_types(void)
{
	waitgroup wg = {0};
	mutex m = {0};
	rwmutex rw = {0};
	once o = {0};
	cond c = {0};
	int n = 0;

	wg_add(&wg, 1);
	wg_go(&wg, nothing);
	wg_go(&wg, set, &n);
	wg_done(&wg);
	wg_wait(&wg);
	mutex_lock(&m);
	cond_signal(&c);
	cond_broadcast(&c);
	cond_wait(&c, &m);
	mutex_unlock(&m);
	if (mutex_trylock(&m))
		mutex_unlock(&m);
	rwmutex_rlock(&rw);
	rwmutex_runlock(&rw);
	if (rwmutex_tryrlock(&rw))
		rwmutex_runlock(&rw);
	rwmutex_lock(&rw);
	rwmutex_unlock(&rw);
	if (rwmutex_trylock(&rw))
		rwmutex_unlock(&rw);
	once_do(&o, nothing);
	once_call(&o, set, &n);
	return n;
}

void times(void (*fn)(void *))
{
	const duration all = NANOSECOND + MICROSECOND + MILLISECOND +
			     SECOND + MINUTE + HOUR;
	recv_chan(int64_t) after = time_after(all);
	timer *t = timer_make(SECOND);
	timer *f = timer_after_func(SECOND, fn, NULL);
	timer *tick = ticker_make(SECOND);
	int64_t now = time_now() + chan_recv(timer_chan(tick)) +
		      chan_recv(after);

	go_sleep(now);
	if (timer_stop(t) || timer_reset(f, SECOND))
		timer_free(t);
	timer_free(f);
	timer_free(tick);
	chan_free(after);
}

static void end(void *ctx) { ctx_free(ctx); }
int contexts(context *parent, duration d)
{
	static const int key = 1;
	context *ctx = ctx_with_timeout(parent, d), *todo = ctx_todo();
	context *late = ctx_with_deadline(ctx_background(), time_now() + d);
	context *value = ctx_with_value(ctx, &key, late);
	context *off = ctx_without_cancel(value), *c = ctx_with_cancel(off);
	ctx_after *after = ctx_after_func(late, end, ctx_ref(c));
	recv_chan(char) done = ctx_done(c);
	int64_t when = 0;
	int v = 0;

	defer(ctx_free, ctx);
	switch (chan_select(on_done(ctx), on_recv(done), on_done(todo), on_default)) {
	case 0: v = ctx_err(ctx) == CTX_CANCELED; break;
	case 1: v = ctx_err(c) == CTX_DEADLINE_EXCEEDED; break;
	}
	if (ctx_deadline(late, &when) && ctx_value(c, &key) == late)
		v += ctx_errstr(late) == ctx_cause(late);
	ctx_cancel_cause(c, "no more");
	ctx_cancel(late);
	if (ctx_after_stop(after))
		ctx_unref(c);
	ctx_free(c);
	ctx_free(off);
	ctx_free(value);
	ctx_unref(late);
	return v + (when > 0);
}

static int twice(int n) { return 2 * n; }
static void *load(void *p) { return p; }
static void *make_one(void) { return NULL; }
int groups(context *parent)
{
	context *ctx;
	errgroup *g = eg_make(parent, &ctx);
	scope *s = scope_begin(ctx);
	bool started;

	defer(scope_end, s);
	eg_set_limit(g, 2);
	eg_go(g, twice, 0);
	started = eg_trygo(g, twice, 0);
	scope_go(s, nothing);
	scope_go(s, twice, 0);
	return eg_wait(g) + scope_wait(s) + started + (scope_ctx(s) != ctx);
}

int shelf(context *ctx)
{
	static semaphore sem = SEMAPHORE(2);
	flight f = {0};
	once_value o = {0};
	pool *p = pool_make(make_one, set);
	int n = 0;
	bool shared;

	if (sem_acquire(&sem, ctx, 2) == 0)
		sem_release(&sem, 2);
	if (sem_tryacquire(&sem, 1))
		sem_release(&sem, 1);
	flight_forget(&f, "key");
	if (flight_do(&f, "key", load, &n, &shared) == once_value_get(&o, load, &n))
		n += shared;
	pool_put(p, pool_get(p));
	pool_free(p);
	return n;
}

void signals(void)
{
	chan(int) ch = chan_make(int, 1);

	signal_notify(ch, SIGINT);
	signal_notify(ch, SIGINT, SIGTERM);
	mr_signal_notify_n(ch, (const int[]){ SIGHUP }, 1);
	signal_stop(ch);
	chan_free(ch);
}

int descriptors(context *ctx, int fd, char *buf, size_t n)
{
	if (io_wait(ctx, fd, IO_IN | IO_OUT) < 0 || io_read(ctx, fd, buf, n) < 0 ||
	    io_write(ctx, fd, buf, n) < 0 || io_readfull(ctx, fd, buf, n) < 0 ||
	    io_writeall(ctx, fd, buf, n) < 0)
		return 1;
	return io_close(fd);
}

int connections(context *ctx, char *buf, size_t n, const struct iovec *iov, int file)
{
	char text[NET_ADDRESS];
	net_conn *l, *c;
	net_addr a;

	if (net_listen(ctx, "tcp", ":0", &l) < 0 || net_accept(ctx, l, &c) < 0 ||
	    net_dial(ctx, "tcp", "localhost:80", &c) < 0 ||
	    net_resolve(ctx, "udp", "[::1]:53", &a) < 0)
		return 1;
	net_text(&a, text, sizeof text);
	if (net_read(ctx, c, buf, n) < 0 || net_write(ctx, c, buf, n) < 0 ||
	    net_writev(ctx, c, iov, 2) < 0 || net_sendfile(ctx, c, file, 0, n) < 0 ||
	    net_readfrom(ctx, l, buf, n, &a) < 0 || net_writeto(ctx, l, buf, n, &a) < 0)
		return 1;
	net_set_deadline(c, 0);
	net_set_read_deadline(c, time_now());
	net_set_write_deadline(c, 0);
	net_local(c, text, sizeof text);
	net_peer(c, text, sizeof text);
	net_close_write(ctx, c);
	return net_close(c) + net_fd(l);
}

int buffers(context *ctx, net_conn *c, char *buf, size_t n)
{
	bufio_reader *r = bufio_reader_net(c, 1000), *r2 = bufio_reader_fd(0, 1000);
	bufio_writer *w = bufio_writer_net(c, 1000), *w2 = bufio_writer_fd(1, 1000);
	char *line;

	if (bufio_read(ctx, r, buf, n) < 0 || bufio_readfull(ctx, r, buf, n) < 0 ||
	    bufio_readline(ctx, r2, &line) < 0 || bufio_peek(ctx, r, 1, &line) < 0)
		return 1;
	bufio_skip(r, bufio_unread(r));
	bufio_write(ctx, w, buf, n);
	bufio_printf(ctx, w2, "%d", bufio_unwritten(w) ? 1 : 0);
	n = bufio_flush(ctx, w) < 0;
	bufio_reader_free(r);
	bufio_reader_free(r2);
	bufio_writer_free(w);
	bufio_writer_free(w2);
	r = bufio_reader_new(NULL, NULL, 16);
	w = bufio_writer_new(NULL, NULL, 16);
	bufio_reader_free(r);
	bufio_writer_free(w);
	return (int)n;
}

int programs(context *parent, char *const argv[])
{
	context *ctx = signal_context(parent, SIGINT, SIGTERM);
	proc_opts o = { .in = PROC_PIPE, .out = PROC_FD(3), .err = PROC_STDOUT };
	proc_opts none = { .in = PROC_NULL, .out = PROC_SAME };
	proc *p;
	int status = 0;

	if (proc_run(ctx, argv, &none, &p) < 0 || proc_run(ctx, argv, &o, &p) < 0)
		return 1;
	if (proc_in(p) < 0 || proc_out(p) >= 0 || proc_err(p) >= 0)
		proc_kill(p, SIGTERM);
	proc_close_in(p);
	if (proc_pid(p) > 0)
		status = chan_recv(proc_exited(p));
	proc_free(p);
	ctx_free(ctx);
	return status;
}
