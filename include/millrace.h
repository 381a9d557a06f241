/* millrace.h - Go's concurrency for C: goroutines, channels, select, sync, timers.
 *
 * Includes everything. Each topic also stands alone (<millrace/chan.h>), with the mr_
 * names only. Define MILLRACE_PREFIX_ONLY before this header to be spared the short
 * names (go, chan_send, mutex), for instance where one of them is taken. */
#ifndef MILLRACE_H
#define MILLRACE_H

#include <millrace/base.h>
#include <millrace/errno.h>
#include <millrace/go.h>
#include <millrace/leak.h>
#include <millrace/panic.h>
#include <millrace/chan.h>
#include <millrace/select.h>
#include <millrace/sync.h>
#include <millrace/time.h>
#include <millrace/context.h>
#include <millrace/errgroup.h>
#include <millrace/scope.h>
#include <millrace/semaphore.h>
#include <millrace/singleflight.h>
#include <millrace/pool.h>
#include <millrace/signal.h>
#include <millrace/io.h>
#include <millrace/net.h>
#include <millrace/bufio.h>
#include <millrace/proc.h>
#include <millrace/map.h>
#include <millrace/sync_map.h>
#ifndef MILLRACE_PREFIX_ONLY
#include <millrace/short.h>
#endif

#endif
