/* report.c - the schedule that led to a failure, and main. */
#define _GNU_SOURCE
#include "engine.h"
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct model *mx_tests;
struct mx_settings mx_settings = {
	.seed = 1, .random_runs = 20000, .seconds = 60,
};

void model_register(struct model *m)
{
	struct model **p = &mx_tests;

	while (*p)
		p = &(*p)->next;
	*p = m;
}

static const char *const kinds[] = {
	[K_START] = "start", [K_LOAD] = "load", [K_STORE] = "store", [K_RMW] = "rmw",
	[K_CAS] = "cas", [K_FENCE] = "fence", [K_RELAX] = "relax",
	[K_FUTEX_WAIT] = "futex_wait", [K_WOKEN] = "wakes up", [K_FUTEX_WAKE] = "futex_wake",
	[K_MEMBARRIER] = "membarrier", [K_AWAIT] = "await", [K_JOIN] = "join",
	[K_CHOOSE] = "choose", [K_PLAIN] = "plain",
};
static const char *const orders[] = { "relaxed", "acquire", "release", "acq_rel", "seq_cst" };

static void print_event(int i, const struct event *e)
{
	const struct op *o = &e->op;
	bool access = o->kind >= K_LOAD && o->kind <= K_CAS;

	printf("  %3d  %*sT%d %s", i, 2 * e->tid, "", e->tid, kinds[o->kind]);
	if (access)
		printf(" %s (%s)", o->at.expr, orders[o->order]);
	if (o->kind == K_FENCE)
		printf(" (%s)", orders[o->order]);
	if (e->from != 255)
		printf(" read %#llx of T%d", (unsigned long long)e->in, e->from);
	if (o->kind == K_STORE || o->kind == K_RMW || (o->kind == K_CAS && !e->note) ||
	    o->kind == K_CHOOSE || o->kind == K_FUTEX_WAKE || o->kind == K_FUTEX_WAIT)
		printf(" -> %#llx", (unsigned long long)e->out);
	if (e->stale)
		printf(" [%d newer]", e->stale);
	if (e->note)
		printf(" %s", e->note);
	if (o->at.line)
		printf("   %s:%d", o->at.file, o->at.line);
	printf("\n");
}

/* "pc 0x401234" in the reason, as file and line. */
static void print_pcs(const char *why)
{
	char cmd[200];

	for (const char *p = why; (p = strstr(p, "(pc 0x")); p += 4) {
		unsigned long pc = strtoul(p + 4, NULL, 16);

		fflush(stdout);
		snprintf(cmd, sizeof cmd, "addr2line -s -p -f -e /proc/%d/exe %#lx 2>/dev/null",
			 (int)getpid(), pc - 1);
		if (system(cmd) != 0)
			return;
	}
}

void mx_report(void)
{
	printf("  schedule (%s; each line a step of thread T, T0 being setup and check):\n",
	       mx->random ? "random" : "depth first");
	for (int i = 0; i < mx->nev; i++)
		print_event(i, &mx->ev[i]);
	print_pcs(mx->why);
	if (mx->random)
		printf("  again: --only %s --seed %llu --random 1 --seconds 0\n", mx->test->name,
		       (unsigned long long)mx->seed);
	fflush(stdout);
}

/* The code under test crashed, as a broken one may. */
static void crashed(int sig)
{
	struct sigaction dfl = { .sa_handler = SIG_DFL };

	sigaction(sig, &dfl, NULL);
	if (mx && mx->active) {
		if (mx->test->expect && strcmp(mx->test->expect, "crash") == 0)
			model_fail("crash", "signal %d", sig);
		printf("FAIL model %s: crash: signal %d in thread %d\n", mx->test->name, sig,
		       mx->cur);
		mx_report();
		printf("0 passed, 1 failed\n");
		fflush(stdout);
		_exit(1);
	}
	raise(sig);
}

static void catch_crashes(void)
{
	static char stack[64 * 1024];
	stack_t ss = { .ss_sp = stack, .ss_size = sizeof stack };
	struct sigaction sa = { .sa_handler = crashed, .sa_flags = SA_ONSTACK };

	sigaltstack(&ss, NULL);
	sigaction(SIGSEGV, &sa, NULL);
	sigaction(SIGBUS, &sa, NULL);
	sigaction(SIGFPE, &sa, NULL);
	sigaction(SIGILL, &sa, NULL);
	sigaction(SIGABRT, &sa, NULL);
}

static __attribute__((noreturn)) void usage(const char *prog)
{
	fprintf(stderr, "usage: %s [--only NAME] [--verbose] [--trace] [--quick] [--budget N]\n"
		"       [--seconds S] [--random N] [--seed N] [--list] [--fail-fast] [--naive]\n", prog);
	exit(2);
}

int main(int argc, char **argv)
{
	struct mx_settings *s = &mx_settings;
	const char *only = NULL;
	int passed = 0, failed = 0;
	bool list = false, fail_fast = false;

	for (int i = 1; i < argc; i++) {
		const char *a = argv[i];

		if (!strcmp(a, "--verbose")) s->verbose = true;
		else if (!strcmp(a, "--trace")) s->trace = true;
		else if (!strcmp(a, "--quick")) s->quick = true;
		else if (!strcmp(a, "--naive")) s->naive = true;
		else if (!strcmp(a, "--list")) list = true;
		else if (!strcmp(a, "--fail-fast")) fail_fast = true;
		else if (i + 1 == argc) usage(argv[0]);
		else if (!strcmp(a, "--only")) only = argv[++i];
		else if (!strcmp(a, "--budget")) s->budget = strtoull(argv[++i], NULL, 0);
		else if (!strcmp(a, "--seconds")) s->seconds = strtod(argv[++i], NULL);
		else if (!strcmp(a, "--random")) s->random_runs = strtoull(argv[++i], NULL, 0);
		else if (!strcmp(a, "--seed")) s->seed = strtoull(argv[++i], NULL, 0);
		else usage(argv[0]);
	}
	catch_crashes();
	for (struct model *m = mx_tests; m; m = m->next) {
		if (only && !strstr(m->name, only))
			continue;
		if (s->quick && m->slow)
			continue;
		if (list)
			printf("%s\n", m->name);
		else if (mx_run(m))
			failed++;
		else
			passed++;
		if (failed && fail_fast)
			break;
	}
	if (!list)
		printf("%d passed, %d failed\n", passed, failed);
	return failed != 0;
}
