/* chan_series_test.c - power series as goroutines, after M. D. McIlroy's "Squinting at
 * Power Series": a series is asked for one coefficient at a time, on one channel, and
 * gives it on another. Feedback, recursion, and networks that grow as they run; each
 * ends by itself when its user closes the channel he asks on. Nothing depends on time:
 * whatever runs first, the coefficients are the same. */
#include "harness.h"
#include <millrace.h>

typedef struct { int64_t num, den; } rat;
typedef struct { chan(char) ask; chan(rat) give; } series;

static int64_t gcd(int64_t a, int64_t b)
{
	return b ? gcd(b, a % b) : a < 0 ? -a : a;
}
static rat ratio(int64_t num, int64_t den)
{
	int64_t g = gcd(num, den);

	g = den < 0 ? -g : g;
	return (rat){ num / g, den / g };
}
static rat add(rat a, rat b)
{
	return ratio(a.num * b.den + b.num * a.den, a.den * b.den);
}
static rat mul(rat a, rat b) { return ratio(a.num * b.num, a.den * b.den); }

static series series_make(void)
{
	return (series){ chan_make(char), chan_make(rat) };
}
static rat next(series s)
{
	chan_send(s.ask, 1);
	return chan_recv(s.give);
}
/* No more is asked of s. */
static void stop(series s) { chan_close(s.ask); }
/* The end of the goroutine behind s, which was told to stop. */
static void end(series s)
{
	chan_free(s.ask);
	chan_free(s.give);
}

/* -------------------------------------------------------------- the producers -- */

static void ones_run(series out)
{
	chan_range(q, out.ask) {
		(void)q;
		chan_send(out.give, { 1, 1 });
	}
	end(out);
}
static series ones(void)
{
	series s = series_make();

	go(ones_run, s);
	return s;
}

/* f + g */
static void sum_run(series f, series g, series out)
{
	chan_range(q, out.ask) {
		(void)q;
		chan_send(out.give, add(next(f), next(g)));
	}
	stop(f);
	stop(g);
	end(out);
}
static series sum(series f, series g)
{
	series s = series_make();

	go(sum_run, f, g, s);
	return s;
}

/* c * f */
static void scaled_run(rat c, series f, series out)
{
	chan_range(q, out.ask) {
		(void)q;
		chan_send(out.give, mul(c, next(f)));
	}
	stop(f);
	end(out);
}
static series scaled(rat c, series f)
{
	series s = series_make();

	go(scaled_run, c, f, s);
	return s;
}

/* x * f */
static void shifted_run(series f, series out)
{
	bool first = true;

	chan_range(q, out.ask) {
		(void)q;
		chan_send(out.give, first ? (rat){ 0, 1 } : next(f));
		first = false;
	}
	stop(f);
	end(out);
}
static series shifted(series f)
{
	series s = series_make();

	go(shifted_run, f, s);
	return s;
}

/* Two readers of one series. While it waits for f it still answers who is behind: f may
 * be made of what it gives. Told by which channel is asked, with a select. */
enum { MOST = 64 };
struct reader { series to; chan(char) ask; bool wants; int at; };

static void answer(struct reader *r, const rat *seen, int n)
{
	if (!r->wants || r->at == n)
		return;
	r->wants = false;
	chan_send(r->to.give, seen[r->at++]);
}
static void copy_run(series f, series a, series b)
{
	rat seen[MOST];
	struct reader r[2] = { { a, a.ask, false, 0 }, { b, b.ask, false, 0 } };
	bool asked = false, ok[2];
	int n = 0, who;

	while (r[0].ask || r[1].ask) {
		answer(&r[0], seen, n);
		answer(&r[1], seen, n);
		if ((r[0].wants || r[1].wants) && !asked) {
			CHECK(n < MOST);
			chan_send(f.ask, 1);
			asked = true;
		}
		who = chan_select(on_recv(r[0].wants ? NULL : r[0].ask, NULL, &ok[0]),
				  on_recv(r[1].wants ? NULL : r[1].ask, NULL, &ok[1]),
				  on_recv(asked ? f.give : NULL, &seen[n]));
		if (who == 2) {
			asked = false;
			n++;
		} else if (ok[who]) {
			r[who].wants = true;
		} else {
			r[who].ask = NULL;
			end(r[who].to);
		}
	}
	stop(f);
}
static void copy(series f, series *a, series *b)
{
	*a = series_make();
	*b = series_make();
	go(copy_run, f, *a, *b);
}

/* f * g = f0*g0 + x*(f0*G + g0*F + x*F*G): one more network for each coefficient. */
static series product(series f, series g);
static void product_run(series f, series g, series out)
{
	series f1, f2, g1, g2, rest;
	rat f0, g0;

	if (!chan_recv(out.ask, NULL)) {
		stop(f);
		stop(g);
		end(out);
		return;
	}
	f0 = next(f);
	g0 = next(g);
	chan_send(out.give, mul(f0, g0));
	copy(f, &f1, &f2);
	copy(g, &g1, &g2);
	rest = sum(sum(scaled(f0, g1), scaled(g0, f1)), shifted(product(f2, g2)));
	chan_range(q, out.ask) {
		(void)q;
		chan_send(out.give, next(rest));
	}
	stop(rest);
	end(out);
}
static series product(series f, series g)
{
	series s = series_make();

	go(product_run, f, g, s);
	return s;
}

/* f' */
static void derived_run(series f, series out)
{
	int64_t n = 0;

	chan_range(q, out.ask) {
		(void)q;
		if (n++ == 0)
			next(f);
		chan_send(out.give, mul((rat){ n, 1 }, next(f)));
	}
	stop(f);
	end(out);
}
static series derived(series f)
{
	series s = series_make();

	go(derived_run, f, s);
	return s;
}

/* c + the integral of f */
static void integral_run(rat c, series f, series out)
{
	int64_t n = 0;

	chan_range(q, out.ask) {
		(void)q;
		chan_send(out.give, n == 0 ? c : mul(ratio(1, n), next(f)));
		n++;
	}
	stop(f);
	end(out);
}
static series integral(rat c, series f)
{
	series s = series_make();

	go(integral_run, c, f, s);
	return s;
}

/* ------------------------------------------------------------------ the tests -- */

static void check_first(series s, const rat *expect, int n)
{
	for (int i = 0; i < n; i++) {
		rat r = next(s);

		CHECK_EQ(r.num, expect[i].num);
		CHECK_EQ(r.den, expect[i].den);
	}
	stop(s);
}

TEST(series, sum)
{
	check_first(sum(ones(), scaled((rat){ 1, 2 }, ones())),
		    (const rat[]){ { 3, 2 }, { 3, 2 }, { 3, 2 } }, 3);
}

/* (1 + x + x^2 + ...)^2 = 1 + 2x + 3x^2 + ... */
TEST(series, product)
{
	const rat expect[] = { { 1, 1 }, { 2, 1 }, { 3, 1 }, { 4, 1 }, { 5, 1 },
			       { 6, 1 }, { 7, 1 }, { 8, 1 }, { 9, 1 }, { 10, 1 } };

	check_first(product(ones(), ones()), expect, TEST_TSAN ? 7 : 10);
}

/* The derivative of 1/(1-x) is its square: their difference vanishes. */
TEST(series, derivative)
{
	const rat zeroes[8] = { { 0, 1 }, { 0, 1 }, { 0, 1 }, { 0, 1 },
				{ 0, 1 }, { 0, 1 }, { 0, 1 }, { 0, 1 } };

	check_first(sum(derived(ones()), scaled((rat){ -1, 1 }, product(ones(), ones()))),
		    zeroes, 8);
}

/* e^x is 1 + its own integral: the series is fed back into itself. It is not told to
 * stop, as the loop holds itself; the process ends around it. */
TEST(series, exponential_by_feedback)
{
	const rat expect[] = { { 1, 1 }, { 1, 1 }, { 1, 2 }, { 1, 6 }, { 1, 24 },
			       { 1, 120 }, { 1, 720 }, { 1, 5040 } };
	series back = series_make(), e = integral((rat){ 1, 1 }, back);
	series out = series_make();

	go(copy_run, e, out, back);
	for (int i = 0; i < 8; i++) {
		rat r = next(out);

		CHECK_EQ(r.num, expect[i].num);
		CHECK_EQ(r.den, expect[i].den);
	}
}
