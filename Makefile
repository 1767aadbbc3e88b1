# The doors of this repository. Each installs what it needs; see CONTRIBUTING.md.
.DEFAULT_GOAL := help
SHELL := /bin/bash
# One after another: there are few cores, and never two builds at once.
.NOTPARALLEL:
.PHONY: help run test build tidy format deb bench bench-doors scale fuzz overload sanitize simulate failover crash crash-agent

help:  ## This list.
	@grep -hE '^[a-z-]+: .*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1\t/' | expand -t 16

run:  ## Build, and watch a small fleet live through a whole life; leaves the console open.
	@scripts/install.sh run
	@scripts/build.sh debug
	@.build/debug/lifelong demo --home run-home $(if $(CI),,--keep-open)

test:  ## Everything that CI checks: format, build, all tests. Ends with one line of counts.
	@scripts/test.sh

build:  ## Build the programs into .build/debug.
	@scripts/install.sh run
	@scripts/build.sh debug

deb:  ## The agent as a Debian package (.build/deb), installed and removed once in layers that are thrown away.
	@scripts/install.sh deb
	@scripts/deb-check.sh "$$(scripts/deb.sh | tee /dev/stderr | tail -1)"

tidy:  ## Check the format and the house rules.
	@scripts/tidy.sh

format:  ## Rewrite all Swift files in the house's format.
	swift format format --in-place --recursive --parallel $(wildcard Sources Tests Benchmarks Fuzz) Package.swift

bench:  ## Build for release and measure against the disk and the processor (docs/performance.md).
	@scripts/install.sh bench
	@scripts/bench.sh

bench-doors:  ## What a device costs the server, beside nginx in the same run (docs/performance.md).
	@scripts/install.sh bench
	@scripts/bench-doors.sh

simulate:  ## Simulate stages and registry from random seeds, a minute each (minutes=60 for an hour); docs/simulation.md.
	@scripts/install.sh run
	@scripts/simulate.sh $(minutes)

crash:  ## Kill a server a thousand times under load on each engine (docs/reliability.md).
	@scripts/install.sh test
	@scripts/crash.sh

crash-agent:  ## Strike the agent at every file operation of every verb, with every fault; prints a table (docs/simulation.md).
	@scripts/install.sh test
	@scripts/crash-agent.sh

scale:  ## Make fleets of 10 k, 100 k and 1 M devices and measure them; SIZES="10000 100000" for less.
	@scripts/install.sh bench
	@scripts/scale.sh $(SIZES)

overload:  ## Build for release and put a crowd on a real server: a flood, half-open connections, a storm of 20,000 devices.
	@scripts/install.sh bench
	@scripts/overload.sh

failover:  ## Kill the PostgreSQL leader under load, three times (Patroni, etcd); proves that nothing answered is lost.
	@scripts/install.sh failover
	@scripts/build.sh debug
	@scripts/patroni.sh 3

fuzz:  ## libFuzzer over every parser of outside bytes: make fuzz SECONDS=3600 (a target; JOBS=2 at a time).
	@scripts/install.sh run
	@scripts/fuzz.sh $(or $(SECONDS),60)

sanitize:  ## The tests under the thread and the address sanitizer.
	@scripts/install.sh test
	@scripts/sanitize.sh
