/* What a goroutine may be made of: functions of all kinds, arguments of all kinds. */
// refers: mr_go_captured mr_go_captured_with mr_wg_go_captured mr_try_captured
#include <millrace.h>
#include <complex.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

typedef struct { long a, b; } pair;
typedef struct { double d; float f; } mixed;
typedef struct { char c[16]; } chars;
typedef union { long l; void *p; } either;
typedef struct { void (*run)(int); void (*table[2])(pair); } ops;

void functions(waitgroup *wg, void (*pointer)(int), void (**pointers)(pair), ops *o);
void arguments(void);
void results(int fd);
const char *tries(chan(int) ch);

static void none(void) { }
static void one(int i) { (void)i; }
static void two(pair p) { (void)p; }
static inline void inlined(char c) { (void)c; }
static void eight(int a, long b, char c, short d, unsigned e, float f, double g, void *h)
{
	(void)a, (void)b, (void)c, (void)d, (void)e, (void)f, (void)g, (void)h;
}
static void wide(pair a, pair b, mixed c, mixed d, chars e, chars f, either g, pair h)
{
	(void)a, (void)b, (void)c, (void)d, (void)e, (void)f, (void)g, (void)h;
}
static void floats(float a, double b, long double c, float complex d, double complex e)
{
	(void)a, (void)b, (void)c, (void)d, (void)e;
}
static void qualified(const char *s, const int *restrict p, volatile int *v, const int n)
{
	(void)s, (void)p, (void)v, (void)n;
}
static void array(int a[4], size_t n, void (*f)(void)) { (void)a, (void)n, (void)f; }
static pair make_pair(int a, int b) { return (pair){ a, b }; }

void functions(waitgroup *wg, void (*pointer)(int), void (**pointers)(pair), ops *o)
{
	void (*const constant)(void) = none;
	int i = 1;

	go(none);
	go(&none);
	go(*none);
	go((none));
	go(constant);
	go(pointer, 1);
	go(pointers[i++], ((pair){ 1, 2 }));
	go(o->run, 2);
	go(o->table[1], make_pair(1, 2));
	go(i ? one : pointer, 3);
	go(inlined, 'c');
	go(printf, "%d %s %g\n", 1, "two", 3.0);
	go(puts, "four");
	go(free, malloc(1));
	go(chan_close, chan_make(int));
	go(wg_done, wg);
	wg_go(wg, none);
	wg_go(wg, printf, "%s\n", "five");
	go_with(((go_opts){ .name = "six", .stack = 1 << 20 }), pointer, 1);
	if (i)
		go(none);
	else
		go(one, i);
	for (int k = 0; k < 3; go(one, k), k++)
		;
}

void arguments(void)
{
	int numbers[4] = { 1, 2, 3, 4 };
	volatile int v = 1;
	const short s = 2;
	chan(pair) ch = chan_make(pair, 1);
	chan(float) fs = chan_make(float, 1);

	go(one, s);
	go(one, 'c');
	go(one, 2.0);
	go(one, v);
	go(one, numbers[1]++);
	go(two, chan_recv(ch));
	go(array, numbers, sizeof numbers, none);
	go(qualified, "literal", numbers, &v, s);
	go(eight, 1, 2, 3, 4, 5, 6, 7, NULL);
	go(wide, (pair){ .a = 1 }, make_pair(1, 2), (mixed){ .d = 1 }, (mixed){ .f = 1 },
	   (chars){ "a" }, (chars){ "b" }, (either){ .l = 1 }, chan_recv(ch));
	go(floats, 1, 2, 3, 4, 5);
	go(floats, chan_recv(fs), 2.0, 3.0L, 4.0f, 5.0 * I);
	go(printf, "%Lf %ld %p\n", 1.0L, 2L, (void *)numbers);
}

void results(int fd)
{
	go(make_pair, 1, 2);
	go(sqrt, 2.0);
	go(csqrtf, 2.0f);
	go(write, fd, "text", 4);
	go(getenv, "HOME");
}

const char *tries(chan(int) ch)
{
	if (go_try(one, chan_recv(ch)))
		return go_try(chan_close, ch);
	go(one, go_try(none) != NULL);
	return go_try(puts, go_try(make_pair, 1, 2));
}
