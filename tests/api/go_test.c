/* go_test.c - starting goroutines: any function, its arguments, what each carries. */
#include "harness.h"
#include <fcntl.h>
#include <fenv.h>
#include <float.h>
#include <millrace.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int add(int *p, int n)
{
	return __atomic_add_fetch(p, n, __ATOMIC_SEQ_CST);
}
static int get(int *p)
{
	return __atomic_load_n(p, __ATOMIC_SEQ_CST);
}

/* None of these can flake: what a goroutine saw is checked by itself, and main waits
 * for all of them. */
static waitgroup wg;
static int calls;

/* ---------------------------------------------------------- the arguments -- */

typedef struct { long a, b; } longs;
typedef struct { float x, y; } floats;
typedef struct { double d; int i; } mixed;
typedef struct { char c[3]; } chars;
typedef int ints __attribute__((vector_size(16)));
typedef union { void *p; long l; } either;
enum colour { RED = 7 };

static void none(void)
{
	add(&calls, 1);
	wg_done(&wg);
}
static void eight_kinds(char c, short s, int i, long l, float f, double d, const void *p,
			long double ld)
{
	CHECK_EQ(c, 'c');
	CHECK_EQ(s, -2);
	CHECK_EQ(i, 3);
	CHECK_EQ(l, 1L << 40);
	CHECK(f == 4.5f);
	CHECK(d == -5.25);
	CHECK(p == &wg);
	CHECK(ld == 1.0L / 3);
	none();
}
static void eight_words(long a, long b, long c, long d, long e, long f, long g, long h)
{
	CHECK_EQ(a + 10 * b + 100 * c + 1000 * d, 4321);
	CHECK_EQ(e + 10 * f + 100 * g + 1000 * h, 8765);
	none();
}
static void eight_structs(longs a, longs b, longs c, longs d, longs e, longs f, longs g,
			  longs h)
{
	CHECK_EQ(a.a + 10 * b.a + 100 * c.a + 1000 * d.a, 4321);
	CHECK_EQ(e.b + 10 * f.b + 100 * g.b + 1000 * h.b, -8765);
	none();
}
static void eight_doubles(double a, double b, double c, double d, float e, float f,
			  float g, float h)
{
	CHECK(a + 10 * b + 100 * c + 1000 * d == 4321);
	CHECK(e + 10 * f + 100 * g + 1000 * h == 8765);
	none();
}
static void structs(floats f, mixed m, chars c, either e, enum colour k, bool b)
{
	CHECK(f.x == 1 && f.y == 2);
	CHECK(m.d == 3 && m.i == 4);
	CHECK_EQ(memcmp(c.c, "abc", 3), 0);
	CHECK(e.p == &calls);
	CHECK_EQ(k, RED);
	CHECK(b);
	none();
}
static void wide(__int128 i, ints v, long double a, long double b)
{
	CHECK(i == ((__int128)1 << 100) + 1);
	for (int k = 0; k < 4; k++)
		CHECK_EQ(v[k], k + 1);
	CHECK(a == 0.5L && b == 0.25L);
	none();
}
static void variadic(int n, ...)
{
	va_list ap;

	va_start(ap, n);
	CHECK_EQ(va_arg(ap, int), 2);
	CHECK(va_arg(ap, double) == 3.5);
	CHECK_STR(va_arg(ap, const char *), "four");
	CHECK_EQ(va_arg(ap, long), 5L);
	CHECK(va_arg(ap, double) == 6.5);
	CHECK_EQ(va_arg(ap, int), 7);
	va_end(ap);
	CHECK_EQ(n, 6);
	none();
}
static long double *store_long_double(long double *to)
{
	*to = 1.5L;
	none();
	return to;
}
static longs two_results(int a)
{
	none();
	return (longs){ a, a };
}
static double one_double(double d)
{
	none();
	return d;
}

TEST(go, carries_every_kind_of_argument)
{
	void (*pointer)(long, long, long, long, long, long, long, long) = eight_words;
	long double ld = 0;

	wg_add(&wg, 14);
	go(none);
	go(eight_kinds, 'c', -2, 3, 1L << 40, 4.5, -5.25, &wg, 1.0L / 3);
	go(eight_words, 1, 2, 3, 4, 5, 6, 7, 8);
	go(pointer, 1, 2, 3, 4, 5, 6, 7, 8);
	go(*pointer, 1, 2, 3, 4, 5, 6, 7, 8);
	go(eight_structs, ((longs){ 1, -1 }), ((longs){ 2, -2 }), ((longs){ 3, -3 }),
	   ((longs){ 4, -4 }), ((longs){ 5, -5 }), ((longs){ 6, -6 }), ((longs){ 7, -7 }),
	   ((longs){ 8, -8 }));
	go(eight_doubles, 1, 2, 3, 4, 5, 6, 7, 8);
	go(structs, ((floats){ 1, 2 }), ((mixed){ 3, 4 }), ((chars){ "abc" }),
	   ((either){ &calls }), RED, true);
	go(wide, ((__int128)1 << 100) + 1, ((ints){ 1, 2, 3, 4 }), 0.5L, 0.25L);
	go(variadic, 6, 2, 3.5, "four", 5L, 6.5f, 7);
	go(store_long_double, &ld);
	go(two_results, 1);
	go(one_double, 1);
	go_with(((go_opts){ .name = "with" }), eight_words, 1, 2, 3, 4, 5, 6, 7, 8);
	wg_wait(&wg);
	CHECK_EQ(calls, 14);
	CHECK(ld == 1.5L);
}

/* The same, at once and many times over: the capture buffer is the thread's, and
 * every kind of call goes through it. */
static void all_kinds(void)
{
	wg_add(&wg, 4);
	go(eight_kinds, 'c', -2, 3, 1L << 40, 4.5, -5.25, &wg, 1.0L / 3);
	go(eight_doubles, 1, 2, 3, 4, 5, 6, 7, 8);
	go(wide, ((__int128)1 << 100) + 1, ((ints){ 1, 2, 3, 4 }), 0.5L, 0.25L);
	go(variadic, 6, 2, 3.5, "four", 5L, 6.5f, 7);
}
TEST(go, captures_on_many_threads_at_once)
{
	int n = test_rounds(500);
	waitgroup all = { 0 };

	for (int i = 0; i < n; i++)
		wg_go(&all, all_kinds);
	wg_wait(&all);
	wg_wait(&wg);
	CHECK_EQ(calls, 4 * n);
}

/* The arguments are evaluated in the caller, once each, before `go` returns. */
static void three(int a, int b, int c, int *sum)
{
	add(sum, a + 10 * b + 100 * c);
	wg_done(&wg);
}
static int next_value(void)
{
	static int v;

	return ++v;
}
TEST(go, evaluates_arguments_in_the_caller)
{
	int sum = 0, i = 1;
	void (*fn)(int, int, int, int *) = three;

	wg_add(&wg, 2);
	go(fn, i++, next_value(), 3, &sum);
	CHECK_EQ(i, 2);
	CHECK_EQ(next_value(), 2);
	fn = NULL;                              /* so is the function */
	i = 0;
	go(three, i, i, i, &sum);
	i = 99;
	wg_wait(&wg);
	CHECK_EQ(sum, 1 + 10 * 1 + 100 * 3);
}

static void collect(int i, long *sum)
{
	__atomic_fetch_add(sum, i, __ATOMIC_RELAXED);
	wg_done(&wg);
}
TEST(go, captures_the_loop_variable_by_value)
{
	long sum = 0;

	wg_add(&wg, 100);
	for (int i = 0; i < 100; i++)
		go(collect, i, &sum);
	wg_wait(&wg);
	CHECK_EQ(sum, 99 * 100 / 2);
}

/* An argument may itself start goroutines, try and defer. */
static void inner(int *n)
{
	add(n, 1);
	wg_done(&wg);
}
static int starts_another(int *n)
{
	go(inner, n);
	CHECK(go_try(inner, n) == NULL);
	return 7;
}
static void outer(int seven, int *n)
{
	CHECK_EQ(seven, 7);
	inner(n);
}
TEST(go, as_an_argument_of_go)
{
	int n = 0;

	wg_add(&wg, 3);
	go(outer, starts_another(&n), &n);
	wg_wait(&wg);
	CHECK_EQ(n, 3);
}

/* ------------------------------------------------------------------ many -- */

/* TSan's run time in gcc 12 dies at 8,128 fibers: fewer at a time there. */
enum { AT_ONCE = TEST_TSAN ? 2000 : 100000 };

TEST(go, hundred_thousand)
{
	int n = TEST_TSAN ? 20000 : 100000;
	long sum = 0;

	for (int i = 0; i < n;) {
		int batch = n - i < AT_ONCE ? n - i : AT_ONCE;

		wg_add(&wg, batch);
		for (; batch > 0; batch--)
			go(collect, i++, &sum);
		wg_wait(&wg);
	}
	CHECK_EQ(sum, (long)n * (n - 1) / 2);
}

static void parked(chan(int) until_closed, long *sum)
{
	chan_recv(until_closed);
	collect(1, sum);
}
TEST(go, parked_at_once)
{
	int n = TEST_TSAN ? 2000 : 20000;
	chan(int) gate = chan_make(int);
	long sum = 0;

	wg_add(&wg, n);
	for (int i = 0; i < n; i++)
		go(parked, gate, &sum);
	CHECK(go_count() == n + 1);     /* none has been let go yet */
	chan_close(gate);
	wg_wait(&wg);
	CHECK_EQ(sum, n);
	chan_free(gate);
}

static void tree(int depth, chan(long) up)
{
	chan(long) mine;
	long sum = 1;

	if (depth > 0) {
		mine = chan_make(long);
		go(tree, depth - 1, mine);
		go(tree, depth - 1, mine);
		sum += chan_recv(mine);
		sum += chan_recv(mine);
		chan_free(mine);
	}
	chan_send(up, sum);
}
TEST(go, nested_tree)
{
	int depth = TEST_TSAN ? 10 : 14;
	chan(long) up = chan_make(long);

	go(tree, depth, up);
	CHECK_EQ(chan_recv(up), (1L << (depth + 1)) - 1);
	chan_free(up);
}

/* ----------------------------------------------------- what it can say -- */

static void say_id(chan(int64_t) ch)
{
	int64_t id = go_id();

	go_yield();
	CHECK_EQ(go_id(), id);
	chan_send(ch, id);
}
static void *id_of_thread(void *arg)
{
	(void)arg;
	return (void *)(intptr_t)go_id();
}
static int compare(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}
TEST(go, ids_are_never_reused)
{
	enum { N = 300 };
	chan(int64_t) ch = chan_make(int64_t);
	int64_t ids[N];
	pthread_t t;
	void *id;

	CHECK_EQ(go_id(), 1);
	/* one after the other, so that stacks are reused; then all at once */
	for (int i = 0; i < N / 2; i++) {
		go(say_id, ch);
		ids[i] = chan_recv(ch);
	}
	for (int i = N / 2; i < N; i++)
		go(say_id, ch);
	for (int i = N / 2; i < N; i++)
		ids[i] = chan_recv(ch);
	qsort(ids, N, sizeof ids[0], compare);
	CHECK(ids[0] > 1);
	for (int i = 1; i < N; i++)
		CHECK(ids[i] > ids[i - 1]);
	chan_free(ch);
	CHECK_EQ(pthread_create(&t, NULL, id_of_thread, NULL), 0);
	pthread_join(t, &id);
	CHECK(id == NULL);
}

/* A goroutine is counted until it is gone, which is soon after its last act: hence
 * the loop. */
TEST(go, count)
{
	chan(int) gate = chan_make(int);
	long sum = 0;

	CHECK_EQ(go_count(), 1);
	wg_add(&wg, 10);
	for (int i = 0; i < 10; i++)
		go(parked, gate, &sum);
	CHECK_EQ(go_count(), 11);
	chan_close(gate);
	wg_wait(&wg);
	while (go_count() != 1)
		go_yield();
	chan_free(gate);
}

TEST(go, procs)
{
	int n = go_procs(0);

	CHECK(n >= 1);
	CHECK_EQ(go_procs(-1), n);
	CHECK_EQ(go_procs(3), n);
	CHECK_EQ(go_procs(0), 3);
	CHECK_EQ(go_procs(100000), 3);
	CHECK_EQ(go_procs(1), 1024);
	CHECK_EQ(go_procs(0), 1);
}
TEST(go, procs_from_environment, .env = "MILLRACE=procs=5")
{
	CHECK_EQ(go_procs(0), 5);
}

/* What it does not know or cannot read it names, and goes on. */
CRASH_TEST_ENV(go_bad_environment, "MILLRACE=procs=0,nonsense,seed=1,stack=1x,procs=3", 0,
	       "millrace: ignored in MILLRACE: procs=0\n",
	       "millrace: ignored in MILLRACE: nonsense\n",
	       "millrace: ignored in MILLRACE: stack=1x\n", "!ignored")
{
	CHECK_EQ(go_procs(0), 3);
}

/* ------------------------------------------------------------- go_with -- */

static void fill(size_t n, size_t *used)
{
	char *big = __builtin_alloca(n);

	for (size_t i = 0; i < n; i += 1024)
		((volatile char *)big)[i] = 1;
	*used = n;
	wg_done(&wg);
}
TEST(go_with, stack)
{
	static const size_t sizes[] = { 1, 20 << 10, 300 << 10, 1 << 20, 16 << 20 };
	size_t used;

	for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
		/* All that was asked for can be used, but for the frames of fill, and
		 * what a sanitizer adds to them. */
		size_t n = sizes[i] > 16 << 10 ? sizes[i] - (8 << 10) : 1;

		used = 0;
		wg_add(&wg, 1);
		go_with(((go_opts){ .stack = sizes[i] }), fill, n, &used);
		wg_wait(&wg);
		CHECK_EQ(used, n);
	}
}

static char *dump(void)
{
	static char text[1 << 16];
	int fds[2];
	ssize_t n;

	CHECK_EQ(pipe(fds), 0);
	go_dump(fds[1]);
	close(fds[1]);
	n = read(fds[0], text, sizeof text - 1);
	CHECK(n > 0);
	text[n] = 0;
	close(fds[0]);
	return text;
}
TEST(go_with, name)
{
	chan(int) gate = chan_make(int);
	long sum = 0;

	wg_add(&wg, 2);
	go_with(((go_opts){ .name = "feeder" }), parked, gate, &sum);
	go_with((go_opts){ 0 }, parked, gate, &sum);
	CHECK(strstr(dump(), "]: feeder\n") != NULL);
	CHECK(strstr(dump(), "]: parked\n") != NULL);
	chan_close(gate);
	wg_wait(&wg);
	chan_free(gate);
}

static go_opts options(int *n)
{
	++*n;
	return (go_opts){ .stack = 64 << 10 };
}
TEST(go_with, evaluates_its_options_once)
{
	int n = 0;

	wg_add(&wg, 1);
	go_with(options(&n), none);
	wg_wait(&wg);
	CHECK_EQ(n, 1);
}

/* ------------------------------------------------------------- go_exit -- */

static char order[64];

static void note(const char *s)
{
	strcat(order, s);
}
/* Not declared noreturn, or gcc takes deep() for a recursion without an end. */
static void (*volatile exit_now)(void) = go_exit;

static void deep(int n)
{
	defer(note, n % 2 ? "odd " : "even ");
	if (n > 0)
		deep(n - 1);
	else
		exit_now();
	note("not reached ");
}
static void not_stopped(void)
{
	defer(note, "root");
	go_try(deep, 3);
	note("go_try returned ");
}
static void exits(void)
{
	defer(wg_done, &wg);
	not_stopped();
	note("not reached ");
}
TEST(go_exit, runs_deferred_calls_from_any_depth)
{
	wg_add(&wg, 1);
	go(exits);
	wg_wait(&wg);
	CHECK_STR(order, "even odd even odd root");
}

static void exit_at_once(int *n)
{
	add(n, 1);
	go_exit();
}
TEST(go_exit, counts_as_done_in_a_group)
{
	int n = 0;

	for (int i = 0; i < 100; i++)
		wg_go(&wg, exit_at_once, &n);
	wg_wait(&wg);
	CHECK_EQ(n, 100);
}

TEST(go_exit, itself_as_a_goroutine)
{
	for (int i = 0; i < 100; i++)
		go(go_exit);
	while (go_count() != 1)
		go_yield();
}

/* The others go on, and one of them ends the process. */
static void last_one(chan(int) ch)
{
	CHECK_EQ(chan_recv(ch), 1);     /* sent by main's deferred call */
	for (int i = 0; i < 100; i++)
		go_yield();
	exit(0);
}
static void send_one(void *ch)
{
	chan_send((chan(int))ch, 1);
}
TEST(go_exit, of_main_lets_others_go_on)
{
	chan(int) ch = chan_make(int);
	defer(send_one, ch);

	go(last_one, ch);
	go_exit();
}

/* -------------------------------------------------- errno and rounding -- */

/* A goroutine's errno goes where it goes. Each sets its own and yields among the
 * others, which at more than one proc moves it about. */
static void keeps_errno(int mine)
{
	CHECK_EQ(errno, 0);
	for (int i = 0; i < 200; i++) {
		errno = mine + i;
		go_yield();
		CHECK_EQ(errno, mine + i);
	}
	errno = 0;
	CHECK_EQ(open("/nonexistent/file", O_RDONLY), -1);
	for (int i = 0; i < 200; i++) {
		go_yield();
		CHECK_EQ(errno, ENOENT);
	}
	wg_done(&wg);
}
TEST(go, carries_errno)
{
	errno = 11;
	wg_add(&wg, 32);
	for (int i = 0; i < 32; i++)
		go(keeps_errno, 1000 * (i + 1));
	CHECK_EQ(errno, 11);
	wg_wait(&wg);
	CHECK_EQ(errno, 11);
}

/* The rounding mode belongs to the goroutine; a new one has its creator's, as a
 * thread has. */
static void check_rounding(int mode)
{
	volatile double one = 1, three = 3;
	volatile long double lone = 1, lthree = 3;
	double third = one / three;
	long double lthird = lone / lthree;

	CHECK_EQ(fegetround(), mode);
#ifdef MRI_VALGRIND
	(void)third, (void)lthird;      /* it computes x87's numbers as doubles */
#else
	/* 1/3 is not a double: rounded up it is more than a third */
	CHECK((third * 3.0L > 1.0L) == (mode == FE_UPWARD));
	/* nor one of the x87's numbers: rounded down it is less */
	if (LDBL_MANT_DIG == 64)
		CHECK((lthird < 1.0L / 3) ==
		      (mode == FE_DOWNWARD || mode == FE_TOWARDZERO));
#endif
}
static void child_rounding(int mode)
{
	check_rounding(mode);
	wg_done(&wg);
}
static void rounds(int mode)
{
	CHECK_EQ(fegetround(), FE_TONEAREST);
	CHECK_EQ(fesetround(mode), 0);
	for (int i = 0; i < 100; i++) {
		go_yield();
		check_rounding(mode);
	}
	go(child_rounding, mode);
	go_sleep(MICROSECOND);
	check_rounding(mode);
	wg_done(&wg);
}
TEST(go, carries_the_rounding_mode)
{
	static const int modes[] = { FE_TONEAREST, FE_UPWARD, FE_DOWNWARD, FE_TOWARDZERO };

	wg_add(&wg, 2 * 32);
	for (int i = 0; i < 32; i++)
		go(rounds, modes[i % 4]);
	wg_wait(&wg);
	check_rounding(FE_TONEAREST);
}

/* A panic leaves no mode behind but that of the go_try. */
static void round_and_panic(void)
{
	fesetround(FE_UPWARD);
	panic("x");
}
TEST(go, try_restores_the_rounding_mode)
{
	CHECK_STR(go_try(round_and_panic), "x");
	check_rounding(FE_TONEAREST);
}

/* Main's return waits for nobody. */
static void for_ever(int *n)
{
	for (;;)
		add(n, get(n) < 0), go_yield();
}
TEST(go, main_returns_without_waiting)
{
	static int n;

	for (int i = 0; i < 10; i++)
		go(for_ever, &n);
	go_yield();
}
