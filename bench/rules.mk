# bench/rules.mk - included by the top Makefile.
#
#	make bench                              the table, beside Go if go is there
#	make bench ARGS='Mutex ChanSync'        these only
#	make bench ROUNDS=9 PROCS='1 4' NOGO=1
BENCH_SRC  := $(sort $(wildcard bench/*.c))
BENCH_OBJ  := $(BENCH_SRC:%.c=$(B)/%.o)
BENCH_PROG := $(B)/bench/bench

$(BENCH_OBJ): $(B)/%.o: %.c $(B)/flags
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<
$(BENCH_PROG): $(BENCH_OBJ) $(B)/libmillrace.a
	$(CC) -o $@ $^ $(ALL_LDFLAGS)
-include $(BENCH_OBJ:.o=.d)

# What `make bench` runs; the script finds the program it measures in BENCH.
BENCH_BINS := bench/run.sh
bench: $(BENCH_PROG)
bench: export BENCH := $(BENCH_PROG)

# How far the scheduler would scale: a model, docs/design/026. make manycore ARGS='tree'
.PHONY: manycore
manycore: $(B)/bench/manycore/manycore
	$< $(ARGS)
$(B)/bench/manycore/manycore: $(wildcard bench/manycore/*.[ch])
	@mkdir -p $(@D)
	$(CC) -std=gnu11 -O2 -Wall -Wextra -o $@ $(filter %.c,$^)
