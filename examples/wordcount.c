/* wordcount.c - count the lines, words and bytes of every file below a directory.
 *
 *     wordcount [-q] [-w workers] [directory]
 *
 *   walk ──paths──> worker ┐
 *                   worker ├──results──> count_tree (in main) ──> totals
 *                   worker ┘
 *
 * One goroutine walks the tree, a pool of them reads the files, main collects. Every
 * string travels along the channels and belongs to whoever received it last, so there
 * is no lock. main also hears the ticker and Ctrl-C: all it waits for is one select. */
#include <millrace.h>

#include <ctype.h>
#include <fcntl.h>
#include <fts.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { QUEUE = 64, CHUNK = 64 * 1024, LARGEST = 10 };

/* What a worker found in one file, or that something was left out (error != 0). */
typedef struct { char *path; int64_t lines, words, bytes; int error; } result;

/* The merged results. largest is in falling order of size and owns its paths. */
typedef struct {
	int64_t lines, words, bytes, files, skipped;
	result largest[LARGEST];
	int signal;                             /* the one that interrupted us, or 0 */
	duration took;
} totals;

/* stop is closed, and never sent on: from then on a receive succeeds at once, for
 * everybody who holds it. */
static bool stopped(recv_chan(char) stop)
{
	return chan_tryrecv(stop, NULL) == CHAN_CLOSED;
}

static void *need(void *memory)
{
	if (!memory)
		panic("out of memory");
	return memory;
}

/* Walk the tree and send the path of each regular file to the workers; report the rest
 * as left out. FTS_NOCHDIR: the working directory is every goroutine's. */
static void walk(char *root, send_chan(char *) paths, send_chan(result) results,
		 recv_chan(char) stop)
{
	defer(chan_close, paths);               /* no more work: the workers' loops end */
	FTS *tree = need(fts_open((char *[]){ root, NULL },
				  FTS_PHYSICAL | FTS_COMFOLLOW | FTS_NOCHDIR, NULL));
	defer(fts_close, tree);

	for (FTSENT *e; !stopped(stop) && (e = fts_read(tree));) {
		if (e->fts_info == FTS_D || e->fts_info == FTS_DP)
			continue;               /* on the way down, and up again */
		if (e->fts_info == FTS_F)
			chan_send(paths, need(strdup(e->fts_path)));
		else
			chan_send(results, { .error = EINVAL });
	}
}

/* --------------------------------------------------------------- the workers -- */
/* As `wc` in the C locale: a word is a run of bytes between white space with at least
 * one printable byte in it; unprintable ones neither begin nor end a word. */
static bool count_bytes(const unsigned char *p, size_t n, bool in_word, result *r)
{
	int64_t lines = 0, words = 0;

	for (size_t i = 0; i < n; i++) {
		bool space = p[i] == ' ' || (p[i] >= '\t' && p[i] <= '\r');
		bool prints = p[i] > ' ' && p[i] < 0x7f;
		bool was = in_word;
		/* & and |, not && and ||: no branch to mispredict. */
		in_word = (was | prints) & !space;
		words += in_word & !was;
		lines += p[i] == '\n';
	}
	r->lines += lines;
	r->words += words;
	r->bytes += (int64_t)n;
	return in_word;
}

/* read() blocks the thread, not only the goroutine. go_blocking_begin() would let the
 * other goroutines go on at once, but hand over for each 64 KiB what is nearly always a
 * copy out of the page cache. Should a disk be slow, the runtime notices by itself. */
static result count_file(char *path, unsigned char *buf, recv_chan(char) stop)
{
	result r = { .path = path };
	bool in_word = false;
	ssize_t n;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

	if (fd < 0) { r.error = errno; return r; }
	while ((n = read(fd, buf, CHUNK)) > 0 && !stopped(stop))
		in_word = count_bytes(buf, (size_t)n, in_word, &r);
	if (n != 0)
		r.error = n < 0 ? errno : ECANCELED;
	close(fd);
	return r;
}

static void worker(recv_chan(char *) paths, send_chan(result) results,
		   recv_chan(char) stop)
{
	unsigned char *buf = need(malloc(CHUNK));
	defer(free, buf);

	chan_range(path, paths)
		if (stopped(stop))
			free(path);             /* only empties the queue */
		else
			chan_send(results, count_file(path, buf, stop));
}

/* ------------------------------------------------------------- the collector -- */
static void merge(totals *t, result r)
{
	if (r.error) {
		t->skipped += r.error != ECANCELED;
		free(r.path);
		return;
	}
	t->files++;
	t->lines += r.lines;
	t->words += r.words;
	t->bytes += r.bytes;
	for (int i = 0; i < LARGEST; i++) {
		result *l = &t->largest[i], displaced = *l;
		if (l->path && (l->bytes > r.bytes ||
				(l->bytes == r.bytes && strcmp(l->path, r.path) < 0)))
			continue;
		*l = r;
		r = displaced;
	}
	free(r.path);
}

static void free_totals(totals *t)
{
	for (int i = 0; i < LARGEST; i++)
		free(t->largest[i].path);
}

static void close_when_done(waitgroup *wg, send_chan(result) results)
{
	wg_wait(wg);
	chan_close(results);
}

/* Count everything below root. Returns when every goroutine it started is through with
 * its work, interrupted or not. */
static totals count_tree(char *root, int workers, recv_chan(int) signals)
{
	chan(char *) paths = chan_make(char *, QUEUE);
	defer(chan_free, paths);
	chan(result) results = chan_make(result, QUEUE);
	defer(chan_free, results);
	chan(char) stop = chan_make(char);
	defer(chan_free, stop);
	timer *ticker = ticker_make(100 * MILLISECOND);
	defer(timer_free, ticker);
	/* A receive from a NULL channel is never ready: it switches a select case off. */
	recv_chan(int64_t) tick = isatty(STDERR_FILENO) ? timer_chan(ticker) : NULL;
	totals t = {0};
	waitgroup wg = {0};
	int64_t start = time_now();

	wg_go(&wg, walk, root, paths, results, stop);
	for (int i = 0; i < workers; i++)
		wg_go(&wg, worker, paths, results, stop);
	go(close_when_done, &wg, results);

	for (bool more = true; more;) {
		enum { RESULT, SIGNAL, TICK };
		result r;
		int sig;
		switch (chan_select([RESULT] = on_recv(results, &r, &more),
				    [SIGNAL] = on_recv(signals, &sig),
				    [TICK] = on_recv(tick))) {
		case RESULT:
			if (more)
				merge(&t, r);
			break;
		case SIGNAL:
			if (!t.signal)
				chan_close(stop);
			t.signal = sig;
			break;          /* results still come, until it is closed */
		case TICK:
			fprintf(stderr, "\r%lld files, %lld MB ", (long long)t.files,
				(long long)(t.bytes / 1000000));
			break;
		}
	}
	if (tick)
		fputs("\r\033[K", stderr);
	t.took = time_now() - start;
	return t;
}

static void print(const totals *t)
{
	printf("%lld lines  %lld words  %lld bytes  %lld files\n", (long long)t->lines,
	       (long long)t->words, (long long)t->bytes, (long long)t->files);
	for (int i = 0; i < LARGEST && t->largest[i].path; i++) {
		printf("%12lld  ", (long long)t->largest[i].bytes);
		for (const char *c = t->largest[i].path; *c; c++)
			putchar(iscntrl((unsigned char)*c) ? '?' : *c);
		putchar('\n');
	}
	fflush(stdout);
	if (t->skipped)
		fprintf(stderr, "skipped %lld: links, devices, what could not be read\n",
			(long long)t->skipped);
}

int main(int argc, char **argv)
{
	static const char usage[] = "usage: wordcount [-q] [-w workers] [directory]\n";
	int workers = go_procs(0), opt;
	bool quiet = false;

	while ((opt = getopt(argc, argv, "qw:")) != -1)
		if (opt == 'q')
			quiet = true;
		else if (opt != 'w' || (workers = atoi(optarg)) < 1)
			return fputs(usage, stderr), 2;
	char *root = optind < argc ? argv[optind] : (char[]){ "/usr/include" };
	if (access(root, R_OK) < 0)
		return fprintf(stderr, "%s: %s: %s\n", argv[0], root, strerror(errno)), 1;

	chan(int) signals = chan_make(int, 1);
	defer(chan_free, signals);
	signal_notify(signals, SIGINT, SIGTERM);
	defer(signal_stop, signals);

	totals all = count_tree(root, workers, signals);
	defer(free_totals, &all);
	print(&all);
	int sig = all.signal;

	/* The first pass has filled the page cache: now time one worker against all. */
	duration took[2] = {0};
	for (int i = 0; i < 2 && !quiet && !sig; i++) {
		totals again = count_tree(root, i == 0 ? 1 : workers, signals);
		took[i] = again.took;
		sig = again.signal;
		free_totals(&again);
	}
	if (sig)
		fprintf(stderr, "interrupted: %s\n", all.signal
			? "these are the totals of the files counted so far"
			: "while timing; the totals are complete");
	else if (!quiet)
		fprintf(stderr, "1 worker: %.1f ms, %d workers: %.1f ms, ratio %.2f\n",
			(double)took[0] / MILLISECOND, workers,
			(double)took[1] / MILLISECOND, (double)took[0] / (double)took[1]);
	return sig ? 128 + sig : 0;
}
