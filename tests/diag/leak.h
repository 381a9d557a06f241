/* leak.h - what leak_test.c and leak_exit_test.c share: programs that leave goroutines
 * behind, and their twins. */
#ifndef MR_TESTS_DIAG_LEAK_H
#define MR_TESTS_DIAG_LEAK_H
#include "waiting.h"

#define AT_EXIT "MILLRACE=leaks=exit"
#define LEAK(name_, ...) CRASH_TEST_ENV(leak_##name_, AT_EXIT, 3, ##__VA_ARGS__)
#define CLEAN(name_) TWIN(leak_##name_, .env = AT_EXIT)
#define ENTRY "goroutine leak: "
#define ONE(why) ENTRY "goroutine ", " [" why ", "
#endif
