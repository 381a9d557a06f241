# bench/rules.mk - included by the top Makefile.
#
#	make bench                              the table, beside Go if go is there
#	make bench ARGS='Mutex ChanSync'        these only
#	make bench ROUNDS=9 PROCS='1 4' NOGO=1
BENCH_SRC  := $(sort $(wildcard bench/*.c))
BENCH_OBJ  := $(BENCH_SRC:%.c=$(O)/%.o)
BENCH_PROG := $(O)/bench/bench

$(BENCH_OBJ): $(O)/%.o: %.c $(O)/flags
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<
$(BENCH_PROG): $(BENCH_OBJ) $(O)/libmillrace.a
	$(CC) -o $@ $^ $(ALL_LDFLAGS)
-include $(BENCH_OBJ:.o=.d)

# What `make bench` runs; the script finds the program it measures in BENCH.
BENCH_BINS := bench/run.sh
bench: $(BENCH_PROG)
bench: export BENCH := $(BENCH_PROG)
