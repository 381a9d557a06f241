/* panic_close_each_time.c - double close: closed on every call
 *
 * The first size of the window is announced by a close, in a function that is called
 * for every size.
 *
 * From:     https://github.com/hajimehoshi/ebiten/pull/1047
 * Detector: panic
 * Says:     close of closed channel */
#include <millrace.h>

static chan(char) size_known;
#ifdef FIXED
static once closing;
static void close_it(void) { chan_close(size_known); }
#endif

static void set_size(void)
{
#ifdef FIXED
	once_do(&closing, close_it);
#else
	chan_close(size_known);
#endif
}

int main(void)
{
	size_known = chan_make(char);
	set_size();
	set_size();
	chan_recv(size_known);
}
