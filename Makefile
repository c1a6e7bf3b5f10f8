# The work is in scripts/; each of these says what it does.
PREFIX ?= /usr/local

.PHONY: run setup build test campaign sanitize bench lint docs install clean help

help:
	@printf '%s\n' \
	  'make run                 set up, build, sync Examples/handbook, search it three times' \
	  'make build               set up, build for release' \
	  'make test                set up, run every test and a small share of the campaigns' \
	  'make campaign            the long runs that try to break the built command' \
	  'make sanitize            the tests under the thread sanitizer' \
  'make bench               set up, measure, print ratios' \
	  'make lint                formatting, warnings as errors, file lengths' \
	  'make docs                the library reference, into .build/docs' \
	  'make install PREFIX=DIR  build and install (default $(PREFIX))' \
	  'make setup               install what is missing, and nothing else' \
	  'make clean               remove what was built (the toolchain and the model stay)'

setup:
	@scripts/setup

run:
	@scripts/run

build:
	@scripts/build

test:
	@scripts/test

campaign:
	@scripts/campaign

sanitize:
	@scripts/sanitize

bench:
	@scripts/bench

lint:
	@scripts/lint

docs:
	@scripts/docs

install:
	@scripts/install '$(PREFIX)'

clean:
	rm -rf .build Benchmarks/.build
