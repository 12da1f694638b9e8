# pgtide: build, test, check. `make help` lists the targets.

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:

ifeq ($(origin CC),default)
CC := gcc
endif
BUILD ?= build
PREFIX ?= /usr/local
DESTDIR ?=
VERSION := 0.1.0

LAYERS := common config catalog worker orchestrator
PKGS := libpq yaml-0.1 jansson talloc libcrypto libarchive sqlite3

PKG_CFLAGS := $(shell pkg-config --cflags $(PKGS) 2>/dev/null)
PKG_LIBS := $(shell pkg-config --libs $(PKGS) 2>/dev/null)

# Errors where changes are made (.ci/run): the new warnings of a newer compiler keep nobody from
# building.
WERROR ?=
WARNINGS := -Wall -Wextra $(WERROR) -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
	-Wold-style-definition -Wpointer-arith -Wwrite-strings -Wundef -Wvla -Wformat=2 \
	-Wcast-qual -Wnull-dereference -Wdouble-promotion -Wimplicit-fallthrough
OPTIMIZE ?= -O2 -g
HARDEN := -fstack-protector-strong -D_FORTIFY_SOURCE=2 -fPIE
SANITIZE ?=
CFLAGS_ALL = -std=gnu17 -D_GNU_SOURCE -DPGTIDE_VERSION='"$(VERSION)"' -I. $(PKG_CFLAGS) \
	$(WARNINGS) $(OPTIMIZE) $(if $(SANITIZE),,$(HARDEN)) $(SANITIZE) -pthread -MMD -MP $(CFLAGS)
LDFLAGS_ALL = -pthread -Wl,--as-needed $(SANITIZE) $(if $(SANITIZE),,-pie -Wl,-z,relro,-z,now) \
	$(LDFLAGS)

# One short line a file; V=1 shows the commands.
say = $(if $(V),,@echo "  $(1)" && )

ASAN := -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
TSAN := -fsanitize=thread -fno-omit-frame-pointer

# --- objects by layer -----------------------------------------------------------------------

objects = $(patsubst %.c,$(BUILD)/%.o,$(wildcard $(1)/*.c))
MAIN_OBJECT := $(BUILD)/orchestrator/main.o

common_OBJECTS := $(call objects,common)
config_OBJECTS := $(common_OBJECTS) $(call objects,config)
catalog_OBJECTS := $(config_OBJECTS) $(call objects,catalog)
worker_OBJECTS := $(catalog_OBJECTS) $(call objects,worker)
orchestrator_OBJECTS := $(worker_OBJECTS) $(filter-out $(MAIN_OBJECT),$(call objects,orchestrator))

# The part of the harness that needs Criterion is linked where Criterion is.
SUITE_OBJECT := $(BUILD)/tests/harness/pg_suite.o
harness_OBJECTS := $(filter-out $(SUITE_OBJECT),$(call objects,tests/harness))

.PHONY: all
all: $(BUILD)/pgtide

$(BUILD)/pgtide: $(MAIN_OBJECT) $(orchestrator_OBJECTS)
	$(call say,link $@)$(CC) $(LDFLAGS_ALL) -o $@ $^ $(PKG_LIBS)

$(BUILD)/%.o: %.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(call say,cc $<)$(CC) $(CFLAGS_ALL) -c -o $@ $<

# Changes only when the compiler or its flags do; everything is compiled anew then.
$(BUILD)/flags: FORCE
	@scripts/need-packages $(PKGS)
	@mkdir -p $(@D)
	@printf '%s\n' '$(subst ','\'',$(CC) $(CFLAGS_ALL))' | cmp -s - $@ || \
		printf '%s\n' '$(subst ','\'',$(CC) $(CFLAGS_ALL))' > $@
.PHONY: FORCE
FORCE:

# --- test programs --------------------------------------------------------------------------

# Unit tests: one program a layer, linked with that layer and those below.
TEST_LAYERS := $(foreach layer,$(LAYERS),$(if $(wildcard tests/unit/$(layer)/*.c),$(layer)))
UNIT_PROGRAMS := $(TEST_LAYERS:%=$(BUILD)/tests/unit-%)

define unit_program
$(BUILD)/tests/unit-$(1): $(call objects,tests/unit/$(1)) $(harness_OBJECTS) $($(1)_OBJECTS)
	@mkdir -p $$(@D)
	$$(call say,link $$@)$$(CC) $$(LDFLAGS_ALL) -o $$@ $$^ -lcriterion $$(PKG_LIBS)
endef
$(foreach layer,$(TEST_LAYERS),$(eval $(call unit_program,$(layer))))

# Integration tests: one program; it runs $(BUILD)/pgtide.
INTEGRATION_PROGRAM := $(BUILD)/tests/integration-tests
$(INTEGRATION_PROGRAM): $(call objects,tests/integration) $(SUITE_OBJECT) $(harness_OBJECTS) \
		$(orchestrator_OBJECTS)
	@mkdir -p $(@D)
	$(call say,link $@)$(CC) $(LDFLAGS_ALL) -o $@ $^ -lcriterion $(PKG_LIBS)

# Stress and fuzzing: each file a program of its own; fuzzers share a main().
FUZZ_MAIN_OBJECT := $(BUILD)/tests/fuzz/fuzz_main.o
STRESS_PROGRAMS := $(patsubst tests/stress/%.c,$(BUILD)/tests/%,$(wildcard tests/stress/*.c))
FUZZ_PROGRAMS := $(patsubst tests/fuzz/%.c,$(BUILD)/tests/%, \
	$(filter-out %/fuzz_main.c,$(wildcard tests/fuzz/*.c)))

$(STRESS_PROGRAMS): $(BUILD)/tests/%: $(BUILD)/tests/stress/%.o $(harness_OBJECTS) \
		$(orchestrator_OBJECTS)
	$(call say,link $@)$(CC) $(LDFLAGS_ALL) -o $@ $^ $(PKG_LIBS)

$(FUZZ_PROGRAMS): $(BUILD)/tests/%: $(BUILD)/tests/fuzz/%.o $(FUZZ_MAIN_OBJECT) \
		$(orchestrator_OBJECTS)
	$(call say,link $@)$(CC) $(LDFLAGS_ALL) -o $@ $^ $(PKG_LIBS)

TEST_PROGRAMS := $(UNIT_PROGRAMS) $(INTEGRATION_PROGRAM) $(STRESS_PROGRAMS) $(FUZZ_PROGRAMS)
.PHONY: programs
programs: $(BUILD)/pgtide $(TEST_PROGRAMS)

TEST_OBJECTS := $(foreach folder,$(TEST_LAYERS:%=unit/%) harness integration stress fuzz, \
	$(call objects,tests/$(folder)))
OBJECTS := $(orchestrator_OBJECTS) $(MAIN_OBJECT) $(TEST_OBJECTS)
.SECONDARY: $(OBJECTS)
-include $(OBJECTS:.o=.d)

# --- running tests --------------------------------------------------------------------------

FUZZ_COUNT ?= 2000
RUN := FUZZ_COUNT=$(FUZZ_COUNT) BUILD=$(BUILD) PGTIDE=$(abspath $(BUILD))/pgtide scripts/run-tests

# Everything, from a clean clone: packages first, so make starts anew to see them.
.PHONY: test
test:
	@scripts/install-packages test
	@$(MAKE) --no-print-directory test-all

.PHONY: test-all
test-all: $(BUILD)/pgtide $(TEST_PROGRAMS)
	@$(RUN) unit $(UNIT_PROGRAMS) integration $(INTEGRATION_PROGRAM) \
		stress $(STRESS_PROGRAMS) fuzz $(FUZZ_PROGRAMS)

.PHONY: unit integration stress fuzz
unit: $(UNIT_PROGRAMS)
	@$(RUN) unit $^
integration: $(INTEGRATION_PROGRAM) $(BUILD)/pgtide
	@$(RUN) integration $<
stress: $(STRESS_PROGRAMS)
	@$(RUN) stress $^

# Fuzzing is worth little without the sanitizers.
fuzz:
	@$(MAKE) --no-print-directory BUILD=$(BUILD)/asan SANITIZE='$(ASAN)' OPTIMIZE='-O1 -g' run-fuzz
.PHONY: run-fuzz
run-fuzz: $(FUZZ_PROGRAMS)
	@$(RUN) fuzz $^

.PHONY: asan tsan
asan:
	@$(MAKE) --no-print-directory BUILD=$(BUILD)/asan SANITIZE='$(ASAN)' OPTIMIZE='-O1 -g' run-asan
tsan: $(INTEGRATION_PROGRAM)
	@$(MAKE) --no-print-directory BUILD=$(BUILD)/tsan SANITIZE='$(TSAN)' OPTIMIZE='-O1 -g' \
		PLAIN=$(INTEGRATION_PROGRAM) run-tsan

.PHONY: run-asan run-tsan
run-asan: $(BUILD)/pgtide $(UNIT_PROGRAMS) $(INTEGRATION_PROGRAM) $(FUZZ_PROGRAMS)
	@$(RUN) unit $(UNIT_PROGRAMS) integration $(INTEGRATION_PROGRAM) \
		fuzz $(FUZZ_PROGRAMS)
# Criterion does not live under TSan: the integration tests stay plain, the pgtide they run is not.
run-tsan: $(BUILD)/pgtide $(STRESS_PROGRAMS)
	@$(RUN) stress $(STRESS_PROGRAMS) threads $(PLAIN)

.PHONY: bench
bench: $(BUILD)/pgtide
	@CC='$(CC)' PGTIDE=$(abspath $(BUILD))/pgtide tests/bench/bench.sh

.PHONY: demo
demo:
	@scripts/install-packages demo
	@$(MAKE) --no-print-directory all
	@PGTIDE=$(abspath $(BUILD))/pgtide scripts/demo.sh

# --- checks ---------------------------------------------------------------------------------

SOURCES := $(sort $(OBJECTS:$(BUILD)/%.o=%.c))
HEADERS := $(sort $(wildcard $(LAYERS:%=%/*.h) tests/harness/*.h))
SCRIPTS := $(sort $(shell grep -lE '^\#!/(usr/)?bin/(env )?(ba)?sh' scripts/* tests/bench/* .ci/run 2>/dev/null))

UNITS := $(wildcard scripts/systemd/*.service scripts/systemd/*.timer)

.PHONY: check check-quick check-layers check-style check-sizes check-format check-scripts
.PHONY: check-headers check-prefixes check-clang check-static check-units
check: check-quick check-headers check-prefixes check-clang check-static
	@echo "check: passed"

# No compiler needed.
check-quick: check-layers check-style check-sizes check-format check-scripts check-units
check-layers:
	scripts/check-layers.sh $(LAYERS)
check-style:
	@echo scripts/check-style.sh
	@scripts/check-style.sh $(SOURCES) $(HEADERS)
check-sizes:
	@echo scripts/check-sizes.sh
	@scripts/check-sizes.sh $(SOURCES)
check-format:
	@echo scripts/check-format.sh
	@scripts/check-format.sh $(SOURCES) $(HEADERS)
check-scripts:
	@echo shellcheck
	@shellcheck -x $(SCRIPTS)
check-units:
	@echo scripts/check-units.sh
	@scripts/check-units.sh $(UNITS)

check-headers: $(BUILD)/flags
	@echo scripts/check-headers.sh
	@scripts/check-headers.sh '$(CC) $(CFLAGS_ALL)' $(HEADERS)

check-prefixes: $(OBJECTS)
	@echo scripts/check-prefixes.sh
	@scripts/check-prefixes.sh $(BUILD) $(patsubst $(BUILD)/%.o,%.c, \
		$(orchestrator_OBJECTS) $(harness_OBJECTS) $(SUITE_OBJECT))

# Both compilers, the same warnings.
check-clang: programs
	@$(MAKE) --no-print-directory CC=clang BUILD=$(BUILD)/clang programs

# The tests' many macros are slow to analyse and teach nothing.
TIDY_SOURCES := $(filter-out tests/unit/% tests/integration/%,$(SOURCES))
TIDY_STAMPS := $(TIDY_SOURCES:%.c=$(BUILD)/tidy/%.ok)
check-static: $(TIDY_STAMPS)
	@echo scripts/check-cppcheck.sh
	@scripts/check-cppcheck.sh $(SOURCES)

$(BUILD)/tidy/%.ok: $(BUILD)/%.o .clang-tidy
	@mkdir -p $(@D)
	@echo "clang-tidy $*.c"
	@clang-tidy --quiet --warnings-as-errors='*' $*.c -- $(filter-out -MMD -MP,$(CFLAGS_ALL)) \
		2>$(BUILD)/tidy/$*.err || { cat $(BUILD)/tidy/$*.err; exit 1; }
	@touch $@

.PHONY: format
format:
	clang-format -i $(SOURCES) $(HEADERS)

# For editors: how every file is compiled.
compile_commands.json: Makefile $(SOURCES)
	@scripts/compile-commands '$(CC) $(filter-out -MMD -MP,$(CFLAGS_ALL))' $(SOURCES) > $@

# --- installation ---------------------------------------------------------------------------

DOCUMENTS = $(wildcard README.md CHANGELOG.md LICENSE config/fleet.example.yaml docs/*.md \
	docs/*.json)
UNIT_DIR = $(PREFIX)/lib/systemd/system
SHARE = $(PREFIX)/share
# Where each shell looks for the completion of a command.
COMPLETIONS = bash:bash-completion/completions/pgtide zsh:zsh/site-functions/_pgtide \
	fish:fish/vendor_completions.d/pgtide.fish

.PHONY: install uninstall
install: all
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(SHARE)/doc/pgtide
	install -m 755 $(BUILD)/pgtide $(DESTDIR)$(PREFIX)/bin/pgtide
	$(if $(DOCUMENTS),install -m 644 $(DOCUMENTS) $(DESTDIR)$(SHARE)/doc/pgtide)
	install -d $(DESTDIR)$(UNIT_DIR)
	for unit in $(UNITS); do \
		sed 's|/usr/local/|$(PREFIX)/|g' $$unit > $(DESTDIR)$(UNIT_DIR)/$${unit##*/} && \
		chmod 644 $(DESTDIR)$(UNIT_DIR)/$${unit##*/} || exit 1; done
	for shell in $(COMPLETIONS); do \
		file=$(DESTDIR)$(SHARE)/$${shell#*:} && install -d $${file%/*} && \
		$(BUILD)/pgtide completion $${shell%%:*} > $$file && chmod 644 $$file || exit 1; done

uninstall:
	rm -f $(DESTDIR)$(PREFIX)/bin/pgtide
	rm -rf $(DESTDIR)$(SHARE)/doc/pgtide
	rm -f $(foreach shell,$(COMPLETIONS),$(DESTDIR)$(SHARE)/$(lastword $(subst :, ,$(shell))))
	rm -f $(UNITS:scripts/systemd/%=$(DESTDIR)$(UNIT_DIR)/%)

.PHONY: clean
clean:
	rm -rf $(BUILD) compile_commands.json

.PHONY: help
help:
	@sed -n 's/^#: //p' $(firstword $(MAKEFILE_LIST))

#: make                      builds build/pgtide
#: make demo                 installs what is missing, builds, shows it on two throwaway servers
#: make test                 installs what is missing, builds, runs every test
#: make unit | integration | stress | fuzz
#:                           one kind of tests; FUZZ_COUNT=2000 inputs made of each in the corpus
#: make asan                 unit and integration tests under AddressSanitizer and UBSan
#: make tsan                 stress programs, and pgtide's runs, under ThreadSanitizer
#: make bench                speed, against psql and a floor program
#: make check                layers, style, sizes, format, headers, symbols, clang, static analysis
#: make format               clang-format on every file
#: make compile_commands.json   for editors
#: make install PREFIX=/usr/local DESTDIR=    make uninstall
#: make clean
#: Variables: V=1 (show commands), WERROR=-Werror, CC, CFLAGS, LDFLAGS, BUILD (folder), SANITIZE, OPTIMIZE
