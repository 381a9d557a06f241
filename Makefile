# millrace: the one build. `make help` lists the targets; nothing is configured.
#
#	make                            the library, as a user gets it
#	make test T=chan_send           the tests whose name contains chan_send
#	make test VARIANT=asan CC=clang OPT=-O3
#
# What is built goes to build/<compiler>-<VARIANT><OPT>/, so variants live side by side;
# O=dir chooses another place.

VERSION   := 0.1.0
SOVERSION := 0

# ---- what can be chosen on the command line ----
VARIANT ?= release
OPT     ?=
CROSS   ?=
PROCS   ?= 1 2 8
T       ?=
REPEAT  ?= 1
PREFIX  ?= /usr/local
LIBDIR  ?= $(PREFIX)/lib
DEMO_DIR ?= /usr/include
ifneq ($(CROSS),)
CC := $(CROSS)gcc
AR := $(CROSS)ar
endif

VARIANTS := release dev asan tsan race hostile valgrind fallback
opt_release   := -O2
opt_dev       := -O1
opt_asan      := -O1
opt_tsan      := -O1
opt_race      := -O2
opt_hostile   := -O1
opt_valgrind  := -O1
opt_fallback  := -O2
flags_release  :=
flags_dev      := -DMRI_DEV -Werror
flags_asan     := -DMRI_DEV -fsanitize=address,undefined -fno-sanitize-recover=undefined
flags_tsan     := -DMRI_DEV -fsanitize=thread $(if $(findstring clang,$(CC)),,-Wno-tsan)
# Where the short functions of a hand-over come to lie is a tenth of their time.
lib_flags_release := -falign-functions=64
# The program is instrumented; the library is not, and says itself what it orders.
flags_race     := -fsanitize=thread
lib_flags_race := -DMRI_RACE -DMR_NO_INLINE -include base/race_libc.h
flags_hostile  := -DMRI_DEV -DMRI_HOSTILE -DMR_NO_INLINE
flags_valgrind := -DMRI_DEV -DMRI_VALGRIND
flags_fallback := -DMRI_DEV -DMRI_ARCH_FALLBACK
ifeq ($(filter $(VARIANT),$(VARIANTS)),)
$(error VARIANT is one of: $(VARIANTS))
endif

# ---- flags ----
MACHINE := $(firstword $(subst -, ,$(shell $(CC) -dumpmachine)))
takes    = $(shell $(CC) -Werror $(1) -S -o /dev/null -x c /dev/null 2>/dev/null && echo $(1))
OPTIMIZE := $(or $(OPT),$(opt_$(VARIANT)))
WARNINGS := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla \
	    -Wpointer-arith -Wwrite-strings -Wundef -Wold-style-definition
# What a user's program needs too; millrace.pc says the same.
USER_FLAGS := -fexceptions $(call takes,-fstack-clash-protection) -pthread
ALL_CFLAGS  = -std=gnu11 -g $(OPTIMIZE) $(WARNINGS) $(USER_FLAGS) -fasynchronous-unwind-tables \
	      -Iinclude $(flags_$(VARIANT)) $(CPPFLAGS) $(CFLAGS)
LIB_CFLAGS  = $(if $(filter race,$(VARIANT)),$(filter-out -fsanitize%,$(ALL_CFLAGS)),$(ALL_CFLAGS)) \
	      -Isrc -fPIC -fvisibility=hidden
ALL_LDFLAGS = -pthread $(filter -fsanitize%,$(flags_$(VARIANT))) $(LDFLAGS)

# ---- files ----
has_header = $(if $(CROSS),,$(shell echo '\#include <$(1)>' | $(CC) $(2) -E - >/dev/null 2>&1 && echo yes))
O := build/$(notdir $(firstword $(CC)))-$(VARIANT)$(OPT)

# One way to switch stacks: the assembly for this machine, or ucontext.c.
ARCH_SRC := $(if $(filter fallback,$(VARIANT)),,$(wildcard src/arch/$(MACHINE).S))
ARCH_SRC := $(or $(ARCH_SRC),src/arch/ucontext.c)
LIB_SRC  := $(sort $(filter-out src/arch/ucontext.c,$(wildcard src/*/*.c)) $(ARCH_SRC))
LIB_OBJ  := $(patsubst %,$(O)/%.o,$(basename $(LIB_SRC)))
LIB      := millrace$(if $(filter race,$(VARIANT)),_race)
STATIC   := $(O)/lib$(LIB).a
PC       := $(O)/$(subst _,-,$(LIB)).pc
SHARED   := $(O)/libmillrace.so.$(VERSION)

# The add-on library for TLS, if Debian's libssl-dev is there.
HAS_SSL  := $(call has_header,openssl/ssl.h)
TLS      := $(if $(HAS_SSL),$(O)/libmillrace-tls.a $(O)/millrace-tls.pc)
TLS_SO   := $(if $(HAS_SSL),$(O)/libmillrace-tls.so.$(VERSION))

# Each tests/<dir>/*_test.c is a program with the harness. DIRS chooses among them.
DIRS      ?= $(if $(filter race,$(VARIANT)),,unit) api tour crash diag stress \
	     $(if $(filter race,$(VARIANT)),,$(if $(HAS_SSL),$(if $(shell command -v openssl),tls)))
TEST_SRC  := $(sort $(wildcard $(DIRS:%=tests/%/*_test.c)))
TEST_BINS := $(TEST_SRC:%.c=$(O)/%)
# Examples that need more than libc are built if that is there: libhttp-parser-dev,
# libxml2-dev.
XML2      := -I/usr/include/libxml2
HAS_HTTP  := $(call has_header,http_parser.h)
HAS_XML   := $(call has_header,libxml/HTMLparser.h,$(XML2))
LEFT_OUT  := $(if $(HAS_HTTP),,examples/httpd.c) \
	     $(if $(and $(HAS_HTTP),$(HAS_XML)),,examples/crawler.c)
PLAIN_SRC := $(wildcard examples/*.c examples/*/*.c tests/tour/tour.c)
PLAIN     := $(patsubst %.c,$(O)/%,$(sort $(filter-out $(LEFT_OUT),$(PLAIN_SRC))))
# What `make test` runs. A test program or script ends with "N passed, N failed".
TEST_PROGRAMS := $(TEST_BINS)
TEST_SCRIPTS  := $(if $(CROSS),,tools/run_examples.sh $(wildcard tests/*/*_test.sh))
# These look at the sources, or at what is installed: once is enough.
ONCE_SCRIPTS  := $(if $(CROSS)$(filter-out release,$(VARIANT)),,$(wildcard tools/check_*.sh))
ONCE_SCRIPTS  := $(filter-out tools/check_lint.sh,$(ONCE_SCRIPTS))

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
.SUFFIXES:
ifeq ($(MAKELEVEL),0)
MAKEFLAGS += -j$(shell nproc 2>/dev/null || echo 2)   # a -j on the command line wins
endif

# Rules of their own. They add to TEST_PROGRAMS, each of which is called with
# --filter=$(T) --repeat=$(REPEAT), to TEST_SCRIPTS, and to BENCH_BINS.
-include tests/model/rules.mk
-include bench/rules.mk

.PHONY: all
# The shared library is for installing: a sanitizer's would need its run time in the program.
all: $(STATIC) $(TLS) $(PC) \
     $(if $(findstring -fsanitize,$(flags_$(VARIANT)))$(CROSS),,$(SHARED) $(TLS_SO))

# ---- compile ----
# Files that change when what they say does: compile again when the flags do, archive
# again when a source was added or removed.
changed = mkdir -p $(@D); echo '$(1)' | cmp -s - $@ || echo '$(1)' > $@
$(O)/flags: FORCE
	@$(call changed,$(CC) $(LIB_CFLAGS) $(lib_flags_$(VARIANT)) $(ALL_LDFLAGS))
$(O)/objects: FORCE
	@$(call changed,$(LIB_OBJ))
.PHONY: FORCE
FORCE:

$(O)/src/%.o: src/%.c $(O)/flags
	@mkdir -p $(@D)
	$(CC) $(LIB_CFLAGS) $(lib_flags_$(VARIANT)) -MMD -MP -c -o $@ $<
# The one file that means libc's own functions by their names.
$(O)/src/arch/race_libc.o: lib_flags_race := -DMRI_RACE
$(O)/src/%.o: src/%.S $(O)/flags
	@mkdir -p $(@D)
	$(CC) $(LIB_CFLAGS) -MMD -MP -c -o $@ $<
$(STATIC): $(LIB_OBJ) $(O)/objects
	@rm -f $@
	$(AR) rcs $@ $(LIB_OBJ)
$(O)/libmillrace-tls.a: $(O)/tls/tls.o
	@rm -f $@
	$(AR) rcs $@ $<
$(O)/tls/tls.o: tls/tls.c $(O)/flags
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -fPIC -fvisibility=hidden -MMD -MP -c -o $@ $<
-include $(O)/tls/tls.d
so_flags = -shared -Wl,-soname,$(@F:.$(VERSION)=.$(SOVERSION)) -Wl,-z,nodelete \
	   -Wl,-z,relro -Wl,-z,now -Wl,-z,defs
$(SHARED): $(LIB_OBJ) $(O)/objects
	$(CC) $(so_flags) -o $@ $(LIB_OBJ) $(ALL_LDFLAGS)
$(TLS_SO): $(O)/tls/tls.o $(SHARED)
	$(CC) $(so_flags) -o $@ $^ -lssl -lcrypto $(ALL_LDFLAGS)

# ---- tests and examples: each file a program ----
# White-box tests see src/; the others only <millrace.h>.
test_flags = -Itests $(if $(filter tests/unit/%,$<),-Isrc) \
	     $(if $(filter tests/api/% tests/stress/%,$<),-DTEST_PROCS_ALL)
$(O)/tests/%.o: tests/%.c $(O)/flags
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) $(test_flags) -MMD -MP -c -o $@ $<
$(TEST_BINS): %: %.o $(O)/tests/harness.o $(STATIC)
	$(CC) -o $@ $(filter %.o %.a,$^) $(ALL_LDFLAGS) -lm $(LIBS)
$(O)/tests/tls/tls_test: LIBS := $(O)/libmillrace-tls.a $(STATIC) -lssl -lcrypto
$(O)/tests/tls/tls_test: $(O)/libmillrace-tls.a
$(PLAIN): $(O)/%: %.c $(STATIC) $(O)/flags
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) $(NEEDS) -MMD -MP -MF $@.d -o $@ $< $(STATIC) $(ALL_LDFLAGS) -lm $(LIBS)
$(O)/examples/httpd $(O)/examples/crawler: LIBS := -lhttp_parser
$(O)/examples/crawler: LIBS += -lxml2
$(O)/examples/crawler: NEEDS := $(XML2)
.SECONDARY: $(TEST_BINS:%=%.o)

-include $(LIB_OBJ:.o=.d) $(TEST_BINS:%=%.d) $(O)/tests/harness.d $(PLAIN:%=%.d)

# Where a test is slower, or needs another program to run it.
wrap_race     := MR_TEST_SLOW=5
# (Its search for leaks takes a signal for each word of each guard page; freeing libc's
# memory at the end flushes stdout; binding symbols late it takes for a stack overrun when
# a stack has just been switched.)
wrap_valgrind := MR_TEST_WRAP='env LD_BIND_NOW=1 valgrind -q --leak-check=no \
		 --run-libc-freeres=no --error-exitcode=99' MR_TEST_SLOW=10
QEMU          ?= qemu-$(MACHINE) -L /usr/$(CROSS:%-=%)
wrap_cross    := MR_TEST_WRAP='$(QEMU)' MR_TEST_RUNNER='$(QEMU)' MR_TEST_SLOW=10
test_env = $(if $(CROSS),$(wrap_cross),$(wrap_$(VARIANT))) MR_TEST_PROCS='$(PROCS)' \
	   BUILD='$(O)' CC='$(CC)' MAKE='$(MAKE)'

.PHONY: test tests check examples demo bench
tests: $(TEST_PROGRAMS) $(PLAIN) $(if $(ONCE_SCRIPTS),all)
test: tests
	@$(test_env) tools/run_tests.sh '$(T)' $(REPEAT) $(TEST_PROGRAMS) $(TEST_SCRIPTS) $(ONCE_SCRIPTS)
check:
	@tools/check.sh
examples: $(filter $(O)/examples/%,$(PLAIN))
	@mkdir -p build && ln -sfn $(abspath $(O))/examples build/examples
	@$(if $(strip $(LEFT_OUT)),echo 'left out for want of a library: $(strip $(LEFT_OUT))')
demo: $(O)/examples/wordcount
	$(O)/examples/wordcount $(DEMO_DIR)
bench: $(BENCH_BINS)
	@for b in $(BENCH_BINS); do ./$$b $(B) $(ARGS) || exit 1; done

# ---- install ----
pc_flags := $(if $(filter race,$(VARIANT)), -fsanitize=thread)
$(PC): millrace.pc.in FORCE
	@mkdir -p $(@D)
	@sed -e 's|@PREFIX@|$(PREFIX)|' -e 's|@LIBDIR@|$(LIBDIR)|' -e 's|@VERSION@|$(VERSION)|' \
		-e 's|@CFLAGS@|$(USER_FLAGS)$(pc_flags)|' -e 's|@LDFLAGS@|$(pc_flags)|' \
		-e 's|@LIB@|$(LIB)|' -e 's|@RACE@|$(if $(pc_flags),-race)|' $< > $@

$(O)/millrace-tls.pc: millrace-tls.pc.in FORCE
	@mkdir -p $(@D)
	@sed -e 's|@PREFIX@|$(PREFIX)|' -e 's|@LIBDIR@|$(LIBDIR)|' -e 's|@VERSION@|$(VERSION)|' \
		$< > $@

to_lib     := $(DESTDIR)$(LIBDIR)
to_include := $(DESTDIR)$(PREFIX)/include
to_share   := $(DESTDIR)$(PREFIX)/share/millrace
to_bin     := $(DESTDIR)$(PREFIX)/bin
# The race library is one more build, if the compiler has what it takes.
has_tsan    = $(shell echo 'int main(void) { return 0; }' | $(CC) -fsanitize=thread -x c - \
		-o /dev/null 2>/dev/null && echo yes)
race_b     := $(dir $(O))race-for-$(notdir $(O))
.PHONY: install uninstall
install: $(STATIC) $(SHARED) $(PC) $(TLS) $(TLS_SO)
	mkdir -p $(to_lib)/pkgconfig $(to_include)/millrace $(to_share)/vet $(to_bin)
	cp include/millrace.h $(wildcard include/millrace.hpp) $(to_include)
	cp include/millrace/* $(to_include)/millrace
	cp $(STATIC) $(SHARED) $(to_lib)
	ln -sf libmillrace.so.$(VERSION) $(to_lib)/libmillrace.so.$(SOVERSION)
	ln -sf libmillrace.so.$(SOVERSION) $(to_lib)/libmillrace.so
	cp tools/debugger/*.py $(to_share)
	cp tools/vet/millrace-vet tools/vet/*.py $(to_share)/vet
	cp $(PC) $(filter %.pc,$(TLS)) $(to_lib)/pkgconfig
	$(if $(TLS),cp $(filter %.a,$(TLS)) $(TLS_SO) $(to_lib))
	$(if $(TLS),ln -sf libmillrace-tls.so.$(VERSION) $(to_lib)/libmillrace-tls.so.$(SOVERSION))
	$(if $(TLS),ln -sf libmillrace-tls.so.$(SOVERSION) $(to_lib)/libmillrace-tls.so)
	sed 's|@LIBDIR@|$(LIBDIR:$(PREFIX)/%=%)|' tools/millrace > $(to_bin)/millrace
	chmod 755 $(to_bin)/millrace
ifneq ($(CROSS),)
	@echo 'not installed: the race library, which is for this machine'
else ifeq ($(has_tsan),)
	@echo 'not installed: the race library, since $(CC) has no -fsanitize=thread'
else
	$(MAKE) -s VARIANT=race O=$(race_b) PREFIX=$(PREFIX) LIBDIR=$(LIBDIR) CC="$(CC)" \
		$(race_b)/libmillrace_race.a $(race_b)/millrace-race.pc
	cp $(race_b)/libmillrace_race.a $(to_lib)
	cp $(race_b)/millrace-race.pc $(to_lib)/pkgconfig
endif
uninstall:
	rm -f $(to_bin)/millrace $(to_lib)/libmillrace_race.a $(to_lib)/pkgconfig/millrace-race.pc
	rm -f $(to_lib)/libmillrace.a $(to_lib)/libmillrace.so $(to_lib)/libmillrace.so.$(SOVERSION)
	rm -f $(to_lib)/libmillrace.so.$(VERSION) $(to_lib)/pkgconfig/millrace.pc
	rm -f $(to_lib)/libmillrace-tls.so $(to_lib)/libmillrace-tls.so.$(SOVERSION)
	rm -f $(to_lib)/libmillrace-tls.so.$(VERSION)
	rm -f $(to_lib)/libmillrace-tls.a $(to_lib)/pkgconfig/millrace-tls.pc
	rm -f $(to_include)/millrace.h $(to_include)/millrace.hpp
	rm -rf $(to_include)/millrace $(to_share)

# ---- the rest ----
.PHONY: format clean help
format:
	clang-format -i $(filter-out src/third_party/%,$(wildcard src/*/*.[ch])) tls/tls.c $(wildcard include/*.h include/millrace/*.h tests/*.[ch] \
		tests/*/*.[ch] bench/*.[ch] examples/*.c)
clean:
	rm -rf build
help:
	@echo 'make                 the library: build/.../libmillrace.a, libmillrace.so, millrace.pc'
	@echo 'make test            everything that must pass; T=part of a name, PROCS="1 2 8",'
	@echo '                     REPEAT=100 to find what fails rarely'
	@echo 'make check           that under every sanitizer, compiler and CPU, and static checks'
	@echo 'make demo            count the words of DEMO_DIR (/usr/include)'
	@echo 'make model           all interleavings of the lock-free parts; make model-quick'
	@echo 'make bench           beside Go, Tokio and others; B="ChanSync Mutex", ROUNDS, PROCS;'
	@echo '                     make bench-scale, make bench-net; bench/README.md'
	@echo 'make examples        make format        make clean'
	@echo 'make install         PREFIX=/usr/local LIBDIR= DESTDIR=; make uninstall'
	@echo 'choose               VARIANT=$(VARIANTS)'
	@echo '                     CC=clang  OPT=-O3  CROSS=aarch64-linux-gnu-'
