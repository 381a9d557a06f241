/* epoch_test.c - what is retired is destroyed once nobody reads, and not before. */
#include "rt/epoch.h"
#include "harness.h"
#include <millrace.h>
#include <pthread.h>

static int destroyed;
static void destroy(struct mri_retired *r)
{
	(void)r;
	destroyed++;
}
static struct mri_limbo limbo = { .destroy = destroy };
static struct mri_retired r[1000];

TEST(epoch, destroys_when_nobody_reads)
{
	go_id();
	mri_epoch_retire(&limbo, &r[0]);
	CHECK_EQ(destroyed, 0);
	mri_epoch_collect(&limbo);
	CHECK_EQ(destroyed, 1);
}

TEST(epoch, waits_for_whoever_reads)
{
	uint64_t *section;

	go_id();
	section = mri_epoch_enter();
	mri_epoch_retire(&limbo, &r[0]);
	mri_epoch_collect(&limbo);
	mri_epoch_collect(&limbo);
	CHECK_EQ(destroyed, 0);
	mri_epoch_leave(section);
	mri_epoch_collect(&limbo);
	CHECK_EQ(destroyed, 1);
}

/* A later section does not hold up what was retired before it. */
TEST(epoch, later_readers_do_not_matter)
{
	uint64_t *first, *second;

	go_id();
	first = mri_epoch_enter();
	mri_epoch_retire(&limbo, &r[0]);
	mri_epoch_collect(&limbo);
	mri_epoch_leave(first);
	second = mri_epoch_enter();
	mri_epoch_retire(&limbo, &r[1]);
	mri_epoch_collect(&limbo);
	CHECK_EQ(destroyed, 1);
	mri_epoch_leave(second);
	mri_epoch_collect(&limbo);
	CHECK_EQ(destroyed, 2);
}

TEST(epoch, collects_by_itself)
{
	go_id();
	for (int i = 0; i < 1000; i++)
		mri_epoch_retire(&limbo, &r[i]);
	CHECK(destroyed >= 900 && destroyed < 1000);
	mri_epoch_finish(&limbo);
	CHECK_EQ(destroyed, 1000);
}

static void *enters(void *arg)
{
	*(uint64_t **)arg = mri_epoch_enter();
	return NULL;
}
TEST(epoch, threads_have_slots_of_their_own)
{
	uint64_t *slot[3];
	pthread_t t;

	for (int i = 0; i < 3; i++) {
		CHECK_EQ(pthread_create(&t, NULL, enters, &slot[i]), 0);
		pthread_join(t, NULL);
	}
	CHECK(slot[0] != slot[1] && slot[1] != slot[2] && slot[0] != slot[2]);
	mri_epoch_retire(&limbo, &r[0]);
	for (int i = 0; i < 3; i++) {
		mri_epoch_collect(&limbo);
		CHECK_EQ(destroyed, 0);
		mri_epoch_leave(slot[i]);
	}
	mri_epoch_collect(&limbo);
	CHECK_EQ(destroyed, 1);
}
