/* config.c - the MILLRACE variable: a list as in MILLRACE=procs=2,stack=64k,crash=1.
 *
 * What is unknown or malformed is named on stderr and ignored: a program must not fail
 * to start because of a variable meant for another version. */
#include "os/os.h"
#include "rt/rt.h"
#include <string.h>

struct mri_config mri_config = { .partial_deadlocks = 1 };

/* An entry takes either a number from min to max, or one word, which sets 1. */
static const struct knob {
	const char *key, *word;
	uint64_t min, max;
	uint64_t *value;
} knobs[] = {
	{ "procs", NULL, 1, MRI_MAX_PROCS, &mri_config.procs },
	{ "stack", NULL, 1, (uint64_t)1 << 34, &mri_config.stack },
	{ "seed", NULL, 0, UINT64_MAX, &mri_config.seed },
	{ "crash", NULL, 0, 1, &mri_config.crash },
	{ "guard", "mprotect", 0, 0, &mri_config.mprotect_guards },
	{ "dump", "json", 0, 0, &mri_config.dump_json },
	{ "leaks", "exit", 0, 0, &mri_config.leaks_at_exit },
	{ "deadlock", "partial", 0, 0, &mri_config.partial_deadlocks },
};

static bool parse_number(const char *s, const char *end, uint64_t *out)
{
	uint64_t v = 0;

	if (s == end)
		return false;
	for (; s < end && *s >= '0' && *s <= '9'; s++) {
		if (v > UINT64_MAX / 16)
			return false;
		v = v * 10 + (uint64_t)(*s - '0');
	}
	if (s < end && (*s == 'k' || *s == 'K'))
		v <<= 10, s++;
	else if (s < end && (*s == 'm' || *s == 'M'))
		v <<= 20, s++;
	*out = v;
	return s == end;
}

static bool is_word(const char *s, const char *end, const char *word)
{
	size_t n = (size_t)(end - s);

	return strlen(word) == n && memcmp(s, word, n) == 0;
}

static bool parse_value(const struct knob *k, const char *s, const char *end)
{
	uint64_t v;

	if (k->word) {
		if (!is_word(s, end, k->word))
			return false;
		atomic_set(k->value, 1, relaxed);       /* relaxed: as below */
		return true;
	}
	if (!parse_number(s, end, &v) || v < k->min || v > k->max)
		return false;
	/* Relaxed: threads that take a lock meanwhile may look at one. */
	atomic_set(k->value, v, relaxed);
	return true;
}

static bool parse_entry(const char *s, const char *end)
{
	const char *eq = memchr(s, '=', (size_t)(end - s));

	for (size_t i = 0; eq && i < ARRAY_LEN(knobs); i++)
		if (is_word(s, eq, knobs[i].key) && parse_value(&knobs[i], eq + 1, end))
			return true;
	return false;
}

static void complain(const char *s, const char *end)
{
	struct mri_out o;

	mri_out_init(&o, 2);
	mri_out_fmt(&o, "millrace: ignored in MILLRACE: %.*s\n", (int)(end - s), s);
	mri_out_flush(&o);
}

void mri_config_read(void)
{
	const char *s = mri_os_getenv("MILLRACE");

	atomic_set(&mri_config.partial_deadlocks, 0, relaxed);  /* relaxed: as above */
	while (s && *s) {
		const char *end = s + strcspn(s, ",");

		if (end != s && !parse_entry(s, end))
			complain(s, end);
		s = *end ? end + 1 : end;
	}
}
