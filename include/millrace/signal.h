/* signal.h - the signals of the operating system, on channels.
 *
 * SIGSEGV, SIGBUS and SIGFPE of the program's own doing are not for channels. From the
 * first call on the library handles them: it says which goroutine it was, and where, and
 * passes the signal on to the handler that was there before, or to the kernel. A handler
 * installed later takes its place, and nothing is said, unless it calls the one it has
 * replaced (the old action that sigaction() fills in), always of the form with siginfo:
 *
 *	old.sa_sigaction(sig, info, ucontext);
 *
 * Install it with SA_SIGINFO | SA_ONSTACK | SA_NODEFER: without SA_ONSTACK a goroutine
 * that overflows its stack has none for the handler either; without SA_NODEFER a trace
 * of a damaged stack may end the process before the report is complete. Each thread of
 * the library has an alternate stack of 64 KiB.
 *
 * SIGQUIT makes the library show all goroutines and end the process with status 2, if at
 * the first call its action was the default. mr_signal_notify(ch, SIGQUIT) has it for the
 * program until mr_signal_stop(ch). */
#ifndef MILLRACE_SIGNAL_H
#define MILLRACE_SIGNAL_H

#include <millrace/base.h>
#include <millrace/chan.h>
#include <millrace/context.h>
#include <millrace/errno.h>

MR_C_BEGIN
/* Send the number of each of the n signals in the table on ch whenever it arrives,
 * instead of what it did before.
 *
 * Sends never block: a signal that finds no room in ch is dropped for it, so make the
 * channel with some. Several channels may ask for one signal, and all get it; calls for
 * one channel add up. The table is not kept; ch is the caller's and lives until
 * mr_signal_stop(ch) has returned.
 * Panics "os/signal: Notify using nil channel". Never blocks. */
MR_API void mr_signal_notify_n(MR_SEND_CHAN(int) ch, const int *signals, size_t n);

/* Send no more signals on ch. A signal that no channel asks for any longer gets its
 * default action back.
 *
 * Once this has returned nothing is sent on ch, which is neither closed nor freed. A
 * channel that was never asked for is ignored. Never blocks. */
MR_API void mr_signal_stop(MR_SEND_CHAN(int) ch);

/* A context that ends when one of the n signals in the table arrives, with the signal's
 * name as its mr_ctx_cause(): for a server that is to stop in good order.
 *
 * Returns it; the caller frees it with mr_ctx_free(). When it has ended, for whatever
 * reason, a signal does again what it did before: a second SIGINT ends the process.
 * Panics as mr_ctx_with_cancel(). */
MR_API MR_MUST_USE mr_context *mr_signal_context_n(mr_context *parent, const int *signals,
						   size_t n);
MR_C_END

#ifndef __cplusplus
/* mr_signal_notify(ch, SIGINT, SIGTERM): as mr_signal_notify_n(). */
#define mr_signal_notify(ch, ...)                                                       \
	mr_signal_notify_n((ch), (const int[]){ __VA_ARGS__ },                          \
			   sizeof((const int[]){ __VA_ARGS__ }) / sizeof(int))
/* mr_signal_context(parent, SIGINT, SIGTERM): as mr_signal_context_n(). */
#define mr_signal_context(parent, ...)                                                  \
	mr_signal_context_n((parent), (const int[]){ __VA_ARGS__ },                     \
			    sizeof((const int[]){ __VA_ARGS__ }) / sizeof(int))
#endif

#endif
