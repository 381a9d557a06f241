/* deadlock_once_recursive.c - once: calls itself
 *
 * The digest is checked once, lazily, and the check asks for a file, which checks the
 * digest first.
 *
 * From:     https://github.com/bufbuild/buf/pull/2709
 * Detector: deadlock
 * Says:     sync.Once.Do */
#include <millrace.h>

static once checked;
static int digest;

static int file_of(int n);

static void check_digest(void)
{
#ifdef FIXED
	digest = 7;
#else
	digest = file_of(7);
#endif
}

static int file_of(int n)
{
	once_do(&checked, check_digest);
	return n + (digest == 7);
}

int main(void)
{
	return file_of(1) != 2;
}
