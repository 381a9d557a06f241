/* All that C++ and other languages' bindings get: functions, types, constants. */
// also C++
#include <millrace.h>

#if MR_VERSION_MAJOR != 0 || MR_VERSION_MINOR != 1 || MR_VERSION_PATCH != 0
#error "the version has changed: so must this test"
#endif
#ifdef __cplusplus
#define SAME(a, b) static_assert(a == b, #a)
#else
#define SAME(a, b) _Static_assert(a == b, #a)
#endif
SAME(sizeof(mr_waitgroup), 8 + sizeof(void *));
SAME(sizeof(mr_mutex), 8 + sizeof(void *));
SAME(sizeof(mr_rwmutex), 16 + 2 * sizeof(void *));
SAME(sizeof(mr_once), 8 + 2 * sizeof(void *));
SAME(sizeof(mr_cond), 16 + 2 * sizeof(void *));
SAME(sizeof(mr_semaphore), 16 + sizeof(void *));
SAME(sizeof(mr_flight), 16 * sizeof(void *));
SAME(sizeof(mr_duration), 8);
SAME(MR_HOUR, 3600000000000);

int f(void (*fn)(void), void (*call)(void *));
int contexts(void (*call)(void *));
int groups(void (*fn)(void));

int groups(void (*fn)(void))
{
	struct mr_semaphore s = MR_SEMAPHORE(3);
	struct mr_flight f = { { NULL } };
	struct mr_once_value o = { { 0, 0, { NULL, NULL } }, NULL, false };
	struct mr_errgroup *g = mr_eg_make(mr_ctx_background(), NULL);
	struct mr_scope *sc = mr_scope_begin(mr_ctx_todo());
	struct mr_pool *p = mr_pool_make(NULL, NULL);

	mr_eg_set_limit(g, 1);
	mr_eg_go_captured(g, fn, "fn", __FILE__, __LINE__);
	mr_scope_go_captured(sc, true, fn, "fn", __FILE__, __LINE__);
	if (mr_eg_trygo_captured(g, fn, "fn", __FILE__, __LINE__) || mr_scope_wait(sc))
		mr_flight_forget(&f, "key");
	mr_scope_end(sc);
	if (mr_sem_acquire(&s, mr_ctx_background(), 1) == 0 && mr_sem_tryacquire(&s, 2))
		mr_sem_release(&s, 3);
	mr_pool_put(p, o.mr_value);
	mr_pool_free(p);
	return mr_eg_wait(g);
}

int contexts(void (*call)(void *))
{
	static const int key = 1;
	mr_context *ctx = mr_ctx_with_timeout(mr_ctx_background(), MR_SECOND);
	struct mr_context *value = ctx_with_value(ctx, &key, NULL), *c = ctx_with_cancel(value);
	struct mr_ctx_after *after = mr_ctx_after_func(c, call, mr_ctx_value(c, &key));
	struct mr_select_case done = { MR_SELECT_RECV, mr_ctx_done(c), NULL, NULL, 0 };
	int v = mr_chan_select_n(&done, 1);

	if (mr_ctx_err(c) != MR_CTX_CANCELED || mr_ctx_after_stop(after))
		mr_panic("%s: %s", mr_ctx_errstr(c), mr_ctx_cause(c));
	mr_ctx_free(c);
	mr_ctx_unref(value);
	mr_ctx_free(ctx);
	return v;
}

/* The tags are the types' names. */
int f(void (*fn)(void), void (*call)(void *))
{
	struct mr_mutex m = { 0, 0, NULL };
	struct mr_rwmutex rw = { { 0, 0, 0, 0 }, { NULL, NULL } };
	struct mr_once o = { 0, 0, { NULL, NULL } };
	struct mr_cond c = { { 0, 0, 0, 0 }, { NULL, NULL } };
	struct mr_waitgroup wg = { 0, NULL };
	struct mr_go_opts opts = { "name", 0 };
	struct mr_deferred d = { call, &m };
	struct mr_timer *t = mr_timer_after_func(MR_SECOND, call, NULL);
	void *ch = mr_chan_new(sizeof(int), 1);
	const int signals[] = { 1, 2 };
	int v = 1;
	bool ok;
	struct mr_select_case cases[] = {
		{ MR_SELECT_RECV, ch, &v, &ok, 0 },
		{ MR_SELECT_SEND, ch, &v, NULL, 0 },
		{ MR_SELECT_TIMEOUT, NULL, NULL, NULL, MR_SECOND },
		{ MR_SELECT_DEFAULT, NULL, NULL, NULL, 0 },
		{ MR_SELECT_NONE, NULL, NULL, NULL, 0 },
	};

	mr_chan_send_from(ch, &v);
	if (mr_chan_recv_into(ch, &v) && mr_chan_trysend_from(ch, &v) == MR_CHAN_OK &&
	    mr_chan_tryrecv_into(ch, &v) == MR_CHAN_WOULD_BLOCK)
		v = mr_chan_select_n(cases, 5) + mr_chan_select_ordered_n(cases, 5);
	(mr_chan_close)(ch);
	mr_chan_close_it(ch);
	v += mr_chan_len(ch) + mr_chan_cap(ch) + MR_CHAN_CLOSED;
	mr_chan_free(ch);

	mr_capture_args();
	mr_go_captured(fn, "fn", __FILE__, __LINE__);
	mr_go_captured_with(opts, fn, "fn", __FILE__, __LINE__);
	mr_wg_go_captured(&wg, fn, "fn", __FILE__, __LINE__);
	if (mr_try_captured(fn) || mr_unwinding())
		mr_run_deferred_caught(&d);

	mr_signal_notify_n(NULL, signals, 2);
	mr_signal_stop(NULL);
	mr_mutex_lock(&m);
	mr_cond_wait(&c, &m);
	mr_rwmutex_lock(&rw);
	mr_once_call(&o, call, &v);
	mr_once_do(&o, fn);
	mr_chan_free(mr_time_after(MR_SECOND));
	mr_chan_free(mr_timer_chan(t));
	mr_go_sleep(mr_time_now());
	*mr_errno() = 0;
	v += contexts(call) + groups(fn);
	if (mr_version()[0] != '0')
		mr_panic("version %s", mr_version());
	return v;
}
