# bench/rules.mk - included by the top Makefile.
#
#	make bench                          all, beside all peers that are installed;
#	                                    writes bench/results/DATE-COMMIT.json, .svg
#	make bench B='Mutex ChanSync'       these only
#	make bench ROUNDS=9 PROCS='1 4' PEERS='Go Tokio' NOGO=1 MS=100 WITH=hog OUT=mine
#	make bench-scale                    over sizes and procs: docs/SCALE.md
#	make bench-net                      servers beside Go and epoll: docs/NET.md
# bench/README.md says more.
BENCH_SRC  := $(sort $(wildcard bench/*.c))
BENCH_OBJ  := $(BENCH_SRC:%.c=$(O)/%.o)
BENCH_PROG := $(O)/bench/bench

$(BENCH_OBJ): $(O)/%.o: %.c $(O)/flags
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<
$(BENCH_PROG): $(BENCH_OBJ) $(O)/libmillrace.a
	$(CC) -o $@ $^ $(ALL_LDFLAGS)
-include $(BENCH_OBJ:.o=.d)

# What `make bench` runs; the scripts find the program they measure in BENCH, and what the
# results say of it.
BENCH_BINS := bench/run.sh
bench bench-scale: $(BENCH_PROG)
bench bench-scale: export BENCH := $(BENCH_PROG)
bench bench-scale: export BENCH_VERSION := $(VERSION)
bench bench-scale: export BENCH_CC = $(shell $(CC) --version | head -n 1)
bench bench-scale: export BENCH_FLAGS = $(OPTIMIZE) $(CFLAGS)
bench bench-scale: export CC := $(CC)
.PHONY: bench-scale
bench-scale:
	@bench/scale.sh

# Servers: docs/NET.md. PAIRS and SECONDS as in bench/net/run.py.
NET_B := $(O)/bench/net
.PHONY: bench-net
bench-net: $(NET_B)/load $(NET_B)/epoll $(NET_B)/echo $(O)/examples/httpd
	cd bench/net/go && GOTOOLCHAIN=local go build -o $(abspath $(NET_B))/go .
	@BUILD=$(O) NET=$(NET_B) OUT='$(if $(NOOUT),,bench/results/net.json)' \
		python3 bench/net/run.py
$(NET_B)/load $(NET_B)/epoll: $(NET_B)/%: bench/net/%.c
	@mkdir -p $(@D)
	$(CC) -O2 -o $@ $<
$(NET_B)/echo: bench/net/echo.c $(STATIC)
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -o $@ $< $(STATIC) $(ALL_LDFLAGS)

# How far the scheduler would scale: a model, docs/design/026. make manycore ARGS='tree'
.PHONY: manycore
manycore: $(O)/bench/manycore/manycore
	$< $(ARGS)
$(O)/bench/manycore/manycore: $(wildcard bench/manycore/*.[ch])
	@mkdir -p $(@D)
	$(CC) -std=gnu11 -O2 -Wall -Wextra -o $@ $(filter %.c,$^)
