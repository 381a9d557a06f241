# rules.mk - the model tests: shipped files compiled with MRI_MODEL, which swaps
# base/atomic.h for the explorer, and with the plain accesses reported to it.
#
#	make model              all of it
#	make model-quick        what fits into a CI run
#	make mutate             weaken each ordered atomic in turn: which test sees it?

MODEL_B := build/$(notdir $(firstword $(CC)))-model
MODEL_ENGINE := explorer memory future race kernel faults report

# Each test, and the shipped files it is about.
MODEL_TESTS := litmus runq lock proc epoch timer mutex rwmutex waitgroup once chan peek fd sched idle
model_src_runq  := rt/runq.c
model_src_lock  := rt/lock.c
model_src_proc  := rt/proc.c
MODEL_RT := rt/sched.c rt/find.c rt/globq.c rt/idle.c rt/runq.c rt/lock.c rt/proc.c rt/g.c rt/timer.c
model_src_epoch := rt/epoch.c $(MODEL_RT)
model_src_chan  := sync/chan.c sync/select.c sync/waitq.c $(MODEL_RT)
model_src_peek  := $(model_src_chan)
model_src_fd    := std/fd.c rt/netpoll.c sync/chan.c sync/select.c sync/waitq.c $(MODEL_RT)
model_src_sched := $(MODEL_RT)
model_src_idle  := $(MODEL_RT)
model_src_timer := $(MODEL_RT)
model_src_mutex := sync/mutex.c sync/waitq.c $(MODEL_RT)
model_src_rwmutex   := sync/rwmutex.c sync/waitq.c $(MODEL_RT)
model_src_waitgroup := sync/waitgroup.c sync/waitq.c $(MODEL_RT)
model_src_once  := sync/once.c sync/waitq.c $(MODEL_RT)

MODEL_CFLAGS := -std=gnu11 -g $(WARNINGS) -Wno-unused-value -Wno-psabi -DMRI_MODEL -DMRI_DEV \
		-DMRI_HOSTILE -DMR_NO_INLINE -Itests/model -Isrc -Iinclude
# Instrumented, but not "a TSan build": there is no sanitizer here.
MODEL_TESTED := -O1 -fsanitize=thread -U__SANITIZE_THREAD__
MODEL_BINS   := $(MODEL_TESTS:%=$(MODEL_B)/%_test)
MODEL_COMMON := $(MODEL_ENGINE:%=$(MODEL_B)/%.o) $(MODEL_B)/arch.o
# The dull rest of the runtime, for tests that have the scheduler in them.
model_world = $(if $(filter rt/sched.c,$(model_src_$(1))),$(MODEL_B)/world.o)
MODEL_DEPS    = $(wildcard src/*/*.h include/millrace/*.h tests/model/*.h) tests/model/rules.mk
MODEL_SECONDS ?= 6

$(MODEL_ENGINE:%=$(MODEL_B)/%.o): $(MODEL_B)/%.o: tests/model/%.c $(MODEL_DEPS)
	@mkdir -p $(@D)
	$(CC) $(MODEL_CFLAGS) -O2 -c -o $@ $<
$(MODEL_TESTS:%=$(MODEL_B)/%_test.o) $(MODEL_B)/world.o: $(MODEL_B)/%.o: tests/model/%.c $(MODEL_DEPS)
	@mkdir -p $(@D)
	$(CC) $(MODEL_CFLAGS) $(MODEL_TESTED) -c -o $@ $<
$(MODEL_B)/src/%.o: src/%.c $(MODEL_DEPS)
	@mkdir -p $(@D)
	$(CC) $(MODEL_CFLAGS) $(MODEL_TESTED) -c -o $@ $<
$(MODEL_B)/arch.o: $(ARCH_SRC)
	@mkdir -p $(@D)
	$(CC) -Isrc -c -o $@ $<
define model_link
$(MODEL_B)/$(1)_test: $(MODEL_B)/$(1)_test.o $(model_src_$(1):%.c=$(MODEL_B)/src/%.o) $(MODEL_COMMON) \
			$(call model_world,$(1))
	$$(CC) -no-pie -o $$@ $$^
endef
$(foreach t,$(MODEL_TESTS),$(eval $(call model_link,$(t))))

.PHONY: model model-quick mutate model-sources
model: $(MODEL_BINS)
	@tests/model/run.sh $(MODEL_B) '$(T)' --seconds $(MODEL_SECONDS) $(MODEL_BINS)
model-quick: $(MODEL_BINS)
	@tests/model/run.sh $(MODEL_B) '$(T)' --quick --seconds 1.2 --random 5000 $(MODEL_BINS)
mutate: $(MODEL_BINS)
	@CC='$(CC)' tests/model/mutate.py $(if $(T),--only '$(T)')
# For mutate.py: what to build and how.
model-sources:
	@echo 'cc $(CC) $(MODEL_CFLAGS) $(MODEL_TESTED)'
	@echo 'objects $(MODEL_COMMON)'
	@echo 'build $(MODEL_B)'
	@$(foreach t,$(MODEL_TESTS),echo 'test $(t) $(model_src_$(t)) $(call model_world,$(t))';)
