# make run     set up, build, and run a development server
# make test    set up, build, and run every test
# make faults  kills, database crashes, full disks and cut connections for ten minutes
# make build   build the server, the simulator and the load generator
# make format  put all sources in the house format
# make docker  build the image

SHELL := /bin/bash
SERVER := .build/release/temporal-server
SOURCES := Package.swift $(shell find Sources -type f \( -name '*.swift' -o -name '*.proto' -o -name '*.c' -o -name '*.h' \))
FLAGS ?=

.PHONY: run test faults build format docker

run: $(SERVER)
	$(SERVER) server start-dev $(FLAGS)

test:
	scripts/test.sh

faults: $(SERVER)
	scripts/setup.sh python3 python3-venv openssl postgresql
	Tests/Faults/run --store sqlite --seconds 300 $(FLAGS)
	Tests/Faults/run --store postgresql --seconds 300 $(FLAGS)

build:
	scripts/setup.sh
	scripts/build.sh temporal-server temporal-simulator temporal-bench

$(SERVER): $(SOURCES)
	scripts/setup.sh
	scripts/build.sh temporal-server
	touch $(SERVER)

format:
	swift format --in-place --parallel --recursive Package.swift Sources Tests

docker:
	docker build --tag temporal-server .
