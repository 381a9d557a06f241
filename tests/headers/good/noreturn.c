/* The compiler knows that these functions do not return; their captures do. */
// refers: mr_go_captured mr_go_captured_with mr_wg_go_captured mr_try_captured
#include <millrace.h>
#include <stdlib.h>

void f(waitgroup *wg);
const char *g(void);
void h(void);
const char *i(void);

static _Noreturn void stop(int n) { panic("stop %d", n); }

#if defined __GNUC__ && !defined __clang__
__attribute__((noreturn)) static void stop_by_attribute(int n) { exit(n); }
#define EXIT	exit
#define ABORT	abort
#define STOP	stop_by_attribute
#else		/* clang: part of the function's type, and so not to be started */
#define EXIT	stop
#define ABORT	go_block
#define STOP	stop
#endif

/* One use a function: what follows a call that does not return is dropped. */
void f(waitgroup *wg) { wg_go(wg, EXIT, 1); }
const char *g(void) { return go_try(ABORT); }
void h(void) { go_with(((go_opts){ .stack = 0 }), STOP, 1); }
const char *i(void)
{
	go(panic, "%d of %s", 1, "many");
	go(go_exit);
	go(go_block);
	return go_try(stop, 2);
}
