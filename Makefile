# Thin: what is behind each goal stands in tools/ and in meson.build.
BUILD ?= build

.PHONY: all run test soak bench install clean check-root

all:
	@tools/deps build
	@tools/build $(BUILD)

# Builds, starts everything on this machine with three web servers behind a Service, until Ctrl-C.
run: check-root
	@tools/deps build run
	@tools/build $(BUILD)
	@tools/run $(BUILD)

# All tests: format and floors, build with -Werror, unit + golden + fuzz corpora under sanitizers,
# BPF, end to end.
test: check-root
	@tools/deps build run test
	@tools/test

# The zero-loss tests for five minutes each: connections while endpoints change 1,000 times a second.
soak: check-root
	@tools/deps build run test
	@FAIRLEAD_CHURN_SECONDS=$${FAIRLEAD_CHURN_SECONDS:-300} TEST_ONLY=e2e \
		PYTEST_ARGS='-k zero_loss -s' tools/test

# Figures side by side with dialling directly; prints a table.
bench: check-root
	@tools/deps build run bench
	@tools/build $(BUILD)
	@ninja -C $(BUILD) --quiet bench/api_bench bench/connectcost bench/dpload
	@bench/api $(BUILD)
	@$(BUILD)/bench/connectcost
	@$(BUILD)/bench/dpload
	@bench/run $(BUILD)

install:
	@tools/deps build
	@tools/build $(BUILD)
	meson install -C $(BUILD) --no-rebuild

clean:
	rm -rf $(BUILD) build-test build-asan

check-root:
	@if [ "$$(id -u)" -ne 0 ]; then \
		echo "This needs root (eBPF, network namespaces, packages). Type:  sudo make $(MAKECMDGOALS)" >&2; \
		exit 1; \
	fi
