/* short.h - the names without the prefix: one layer on top of the headers, which can be
 * left out. <millrace.h> includes it unless MILLRACE_PREFIX_ONLY is defined.
 *
 * Types are typedefs. A function is a macro without parameters, so that its name can be
 * passed on: defer(chan_free, ch); or a declaration of the same function. A macro is one
 * with parameters: it takes nothing away from a variable called `go`. */
#ifndef MILLRACE_SHORT_H
#define MILLRACE_SHORT_H

#include <millrace/base.h>
#include <millrace/bufio.h>
#include <millrace/chan.h>
#include <millrace/context.h>
#include <millrace/errgroup.h>
#include <millrace/errno.h>
#include <millrace/go.h>
#include <millrace/io.h>
#include <millrace/leak.h>
#include <millrace/map.h>
#include <millrace/net.h>
#include <millrace/panic.h>
#include <millrace/pool.h>
#include <millrace/proc.h>
#include <millrace/scope.h>
#include <millrace/select.h>
#include <millrace/semaphore.h>
#include <millrace/signal.h>
#include <millrace/singleflight.h>
#include <millrace/sync.h>
#include <millrace/sync_map.h>
#include <millrace/time.h>

/* go.h */
typedef mr_go_opts		go_opts;
#define go_yield		mr_go_yield
#define go_exit			mr_go_exit
#define go_block		mr_go_block
#define go_id			mr_go_id
#define go_count		mr_go_count
#define go_procs		mr_go_procs
#define go_lock_thread		mr_go_lock_thread
#define go_unlock_thread	mr_go_unlock_thread
#define go_pin			mr_go_pin
#define go_unpin		mr_go_unpin
#define go_dump			mr_go_dump
#define go_blocking_begin	mr_go_blocking_begin
#define go_blocking_end		mr_go_blocking_end
#ifndef __cplusplus
#define go(...)			mr_go(__VA_ARGS__)
#define go_with(...)		mr_go_with(__VA_ARGS__)
#endif

/* leak.h */
#define go_leaks		mr_go_leaks

/* panic.h */
#define panic			mr_panic
#ifndef __cplusplus
#define go_try(...)		mr_go_try(__VA_ARGS__)
#define defer(...)		mr_defer(__VA_ARGS__)
#endif

/* chan.h */
#define CHAN_OK			MR_CHAN_OK
#define CHAN_WOULD_BLOCK	MR_CHAN_WOULD_BLOCK
#define CHAN_CLOSED		MR_CHAN_CLOSED
#define chan_len		mr_chan_len
#define chan_cap		mr_chan_cap
#define chan_close		mr_chan_close
#define chan_free		mr_chan_free
#ifndef __cplusplus
#define chan(T)			mr_chan(T)
#define recv_chan(T)		mr_recv_chan(T)
#define send_chan(T)		mr_send_chan(T)
#define chan_make(...)		mr_chan_make(__VA_ARGS__)
#define chan_send(...)		mr_chan_send(__VA_ARGS__)
#define chan_recv(...)		mr_chan_recv(__VA_ARGS__)
#define chan_trysend(...)	mr_chan_trysend(__VA_ARGS__)
#define chan_tryrecv(...)	mr_chan_tryrecv(__VA_ARGS__)
#define chan_range(...)		mr_chan_range(__VA_ARGS__)
#endif

/* select.h */
typedef mr_select_case		select_case;
#define SELECT_NONE		MR_SELECT_NONE
#define SELECT_RECV		MR_SELECT_RECV
#define SELECT_SEND		MR_SELECT_SEND
#define SELECT_TIMEOUT		MR_SELECT_TIMEOUT
#define SELECT_DEFAULT		MR_SELECT_DEFAULT
#define chan_select_n		mr_chan_select_n
#define chan_select_ordered_n	mr_chan_select_ordered_n
#ifndef __cplusplus
#define chan_select(...)	mr_chan_select(__VA_ARGS__)
#define chan_select_ordered(...) mr_chan_select_ordered(__VA_ARGS__)
#define on_recv(...)		mr_on_recv(__VA_ARGS__)
#define on_send(...)		mr_on_send(__VA_ARGS__)
#define on_send_from(...)	mr_on_send_from(__VA_ARGS__)
#define on_timeout(...)		mr_on_timeout(__VA_ARGS__)
#define on_default		mr_on_default
#endif

/* sync.h */
typedef mr_waitgroup		waitgroup;
typedef mr_mutex		mutex;
typedef mr_rwmutex		rwmutex;
typedef mr_once			once;
typedef mr_cond			cond;
typedef mr_once_value		once_value;
#define wg_add			mr_wg_add
#define wg_done			mr_wg_done
#define wg_wait			mr_wg_wait
#define mutex_lock		mr_mutex_lock
#define mutex_trylock		mr_mutex_trylock
#define mutex_unlock		mr_mutex_unlock
#define rwmutex_rlock		mr_rwmutex_rlock
#define rwmutex_tryrlock	mr_rwmutex_tryrlock
#define rwmutex_runlock		mr_rwmutex_runlock
#define rwmutex_lock		mr_rwmutex_lock
#define rwmutex_trylock		mr_rwmutex_trylock
#define rwmutex_unlock		mr_rwmutex_unlock
#define once_do			mr_once_do
#define once_call		mr_once_call
#define once_value_get		mr_once_value_get
#define cond_wait		mr_cond_wait
#define cond_signal		mr_cond_signal
#define cond_broadcast		mr_cond_broadcast
#define guarded_by(m)		mr_guarded_by(m)
#define requires_lock(m)	mr_requires_lock(m)
#ifndef __cplusplus
#define wg_go(...)		mr_wg_go(__VA_ARGS__)
#endif

/* time.h */
typedef mr_duration		duration;
typedef mr_timer		timer;
#define NANOSECOND		MR_NANOSECOND
#define MICROSECOND		MR_MICROSECOND
#define MILLISECOND		MR_MILLISECOND
#define SECOND			MR_SECOND
#define MINUTE			MR_MINUTE
#define HOUR			MR_HOUR
#define time_now		mr_time_now
#define go_sleep		mr_go_sleep
#define time_after		mr_time_after
#define timer_make		mr_timer_make
#define timer_after_func	mr_timer_after_func
#define ticker_make		mr_ticker_make
#define timer_chan		mr_timer_chan
#define timer_stop		mr_timer_stop
#define timer_reset		mr_timer_reset
#define timer_free		mr_timer_free

/* context.h */
typedef mr_context		context;
typedef mr_ctx_after		ctx_after;
#define CTX_CANCELED		MR_CTX_CANCELED
#define CTX_DEADLINE_EXCEEDED	MR_CTX_DEADLINE_EXCEEDED
#define ctx_background		mr_ctx_background
#define ctx_todo		mr_ctx_todo
/* Functions: in a macro of a system header gcc does not see that a result is dropped, and
 * with it the only way to cancel. */
MR_C_BEGIN
MR_API MR_MUST_USE context *ctx_with_cancel(context *parent)
	__asm__("mr_ctx_with_cancel");
MR_API MR_MUST_USE context *ctx_with_deadline(context *parent, int64_t when)
	__asm__("mr_ctx_with_deadline");
MR_API MR_MUST_USE context *ctx_with_timeout(context *parent, mr_duration d)
	__asm__("mr_ctx_with_timeout");
MR_API MR_MUST_USE context *ctx_with_value(context *parent, const void *key, void *value)
	__asm__("mr_ctx_with_value");
MR_API MR_MUST_USE context *ctx_without_cancel(context *parent)
	__asm__("mr_ctx_without_cancel");
MR_API MR_MUST_USE ctx_after *ctx_after_func(context *ctx, void (*fn)(void *), void *arg)
	__asm__("mr_ctx_after_func");
MR_C_END
#define ctx_cancel		mr_ctx_cancel
#define ctx_cancel_cause	mr_ctx_cancel_cause
#define ctx_done		mr_ctx_done
#define ctx_err			mr_ctx_err
#define ctx_errstr		mr_ctx_errstr
#define ctx_cause		mr_ctx_cause
#define ctx_deadline		mr_ctx_deadline
#define ctx_value		mr_ctx_value
#define ctx_after_stop		mr_ctx_after_stop
#define ctx_ref			mr_ctx_ref
#define ctx_unref		mr_ctx_unref
#define ctx_free		mr_ctx_free
#ifndef __cplusplus
#define on_done(ctx)		mr_on_done(ctx)
#endif

/* errgroup.h */
typedef mr_errgroup		errgroup;
#define eg_make			mr_eg_make
#define eg_set_limit		mr_eg_set_limit
#define eg_wait			mr_eg_wait
#ifndef __cplusplus
#define eg_go(...)		mr_eg_go(__VA_ARGS__)
#define eg_trygo(...)		mr_eg_trygo(__VA_ARGS__)
#endif

/* scope.h */
typedef mr_scope		scope;
#define scope_begin		mr_scope_begin
#define scope_ctx		mr_scope_ctx
#define scope_wait		mr_scope_wait
#define scope_end		mr_scope_end
#ifndef __cplusplus
#define scope_go(...)		mr_scope_go(__VA_ARGS__)
#endif

/* semaphore.h */
typedef mr_semaphore		semaphore;
#define SEMAPHORE(n)		MR_SEMAPHORE(n)
#define sem_acquire		mr_sem_acquire
#define sem_tryacquire		mr_sem_tryacquire
#define sem_release		mr_sem_release

/* singleflight.h */
typedef mr_flight		flight;
#define flight_do		mr_flight_do
#define flight_forget		mr_flight_forget

/* pool.h */
typedef mr_pool			pool;
#define pool_make		mr_pool_make
#define pool_get		mr_pool_get
#define pool_put		mr_pool_put
#define pool_free		mr_pool_free

/* map.h */
#define KEY_BYTES		MR_KEY_BYTES
#define KEY_INT			MR_KEY_INT
#define KEY_STRING		MR_KEY_STRING
typedef mr_map_iter		map_iter;
#define map_len			mr_map_len
#define map_clear		mr_map_clear
#define map_free		mr_map_free
#ifndef __cplusplus
#define map(K, V)		mr_map(K, V)
#define map_make(...)		mr_map_make(__VA_ARGS__)
#define map_set(...)		mr_map_set(__VA_ARGS__)
#define map_get(...)		mr_map_get(__VA_ARGS__)
#define map_delete(...)		mr_map_delete(__VA_ARGS__)
#define map_range(...)		mr_map_range(__VA_ARGS__)
#endif

/* sync_map.h */
typedef mr_sync_map_iter	sync_map_iter;
#define sync_map_clear		mr_sync_map_clear
#define sync_map_free		mr_sync_map_free
#ifndef __cplusplus
#define sync_map(K, V)		mr_sync_map(K, V)
#define sync_map_make(...)	mr_sync_map_make(__VA_ARGS__)
#define sync_map_load(...)	mr_sync_map_load(__VA_ARGS__)
#define sync_map_store(...)	mr_sync_map_store(__VA_ARGS__)
#define sync_map_swap(...)	mr_sync_map_swap(__VA_ARGS__)
#define sync_map_load_or_store(...) mr_sync_map_load_or_store(__VA_ARGS__)
#define sync_map_load_and_delete(...) mr_sync_map_load_and_delete(__VA_ARGS__)
#define sync_map_delete(...)	mr_sync_map_delete(__VA_ARGS__)
#define sync_map_compare_and_swap(...) mr_sync_map_compare_and_swap(__VA_ARGS__)
#define sync_map_compare_and_delete(...) mr_sync_map_compare_and_delete(__VA_ARGS__)
#define sync_map_range(...)	mr_sync_map_range(__VA_ARGS__)
#endif

/* io.h */
#define IO_IN			MR_IO_IN
#define IO_OUT			MR_IO_OUT
#define io_read			mr_io_read
#define io_write		mr_io_write
#define io_readfull		mr_io_readfull
#define io_writeall		mr_io_writeall
#define io_wait			mr_io_wait
#define io_close		mr_io_close

/* net.h */
typedef mr_net_conn		net_conn;
typedef mr_net_addr		net_addr;
#define NET_ADDRESS		MR_NET_ADDRESS
#define net_listen		mr_net_listen
#define net_accept		mr_net_accept
#define net_dial		mr_net_dial
#define net_read		mr_net_read
#define net_write		mr_net_write
#define net_writev		mr_net_writev
#define net_sendfile		mr_net_sendfile
#define net_close		mr_net_close
#define net_close_write		mr_net_close_write
#define net_set_deadline	mr_net_set_deadline
#define net_set_read_deadline	mr_net_set_read_deadline
#define net_set_write_deadline	mr_net_set_write_deadline
#define net_local		mr_net_local
#define net_peer		mr_net_peer
#define net_resolve		mr_net_resolve
#define net_text		mr_net_text
#define net_readfrom		mr_net_readfrom
#define net_writeto		mr_net_writeto
#define net_fd			mr_net_fd

/* bufio.h */
typedef mr_bufio_reader		bufio_reader;
typedef mr_bufio_writer		bufio_writer;
#define bufio_reader_new	mr_bufio_reader_new
#define bufio_reader_net	mr_bufio_reader_net
#define bufio_reader_fd		mr_bufio_reader_fd
#define bufio_reader_free	mr_bufio_reader_free
#define bufio_read		mr_bufio_read
#define bufio_readfull		mr_bufio_readfull
#define bufio_readline		mr_bufio_readline
#define bufio_peek		mr_bufio_peek
#define bufio_skip		mr_bufio_skip
#define bufio_unread		mr_bufio_unread
#define bufio_writer_new	mr_bufio_writer_new
#define bufio_writer_net	mr_bufio_writer_net
#define bufio_writer_fd		mr_bufio_writer_fd
#define bufio_writer_free	mr_bufio_writer_free
#define bufio_write		mr_bufio_write
#define bufio_printf		mr_bufio_printf
#define bufio_flush		mr_bufio_flush
#define bufio_unwritten		mr_bufio_unwritten

/* proc.h */
typedef mr_proc			proc;
typedef mr_proc_opts		proc_opts;
#define PROC_SAME		MR_PROC_SAME
#define PROC_PIPE		MR_PROC_PIPE
#define PROC_NULL		MR_PROC_NULL
#define PROC_STDOUT		MR_PROC_STDOUT
#define PROC_FD			MR_PROC_FD
#define proc_run		mr_proc_run
#define proc_exited		mr_proc_exited
#define proc_in			mr_proc_in
#define proc_out		mr_proc_out
#define proc_err		mr_proc_err
#define proc_close_in		mr_proc_close_in
#define proc_pid		mr_proc_pid
#define proc_kill		mr_proc_kill
#define proc_free		mr_proc_free

/* signal.h */
#define signal_stop		mr_signal_stop
#ifndef __cplusplus
#define signal_notify(...)	mr_signal_notify(__VA_ARGS__)
#define signal_context(...)	mr_signal_context(__VA_ARGS__)
#endif

#endif
