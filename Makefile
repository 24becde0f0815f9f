# make faces       set up, train on drawn faces for some minutes, and show new faces in build/    (DATA=lfw|celeba|anime|folder|zip)
# make test        set up, and run every test, the lessons included
# make test-fast   the tests of the module that take no training, in two minutes
# make setup       the set-up alone
# make lessons     bring the committed notebooks up to date with their texts     (LESSONS="03 04" PROFILE=…)
#                  DATA=cartoon, or other pictures: writes to build/lessons, and leaves the committed notebooks alone
# make lab         open the lessons in JupyterLab
# make site        the lessons, their solutions, a glossary and a reference as pages, in build/site; with the studio,
#                  where npm and the development requirements are there
#                  NOTEBOOKS=build/lessons: of the notebooks of that folder
# make studio      a page to play with the models in a browser, in build/studio, served on this computer (needs npm;
#                  PORT=8000 SERVE=no)
# make test-browser  the tests of site and studio in a browser (needs chromium, its driver and npm)
# make colab       write the repository's address everywhere          (REPO=owner/name; else that of origin)
# make figures     write the figures of the models that ship and of the benchmarks into README
# make bench       measure the training step beside others; writes benchmarks/RESULTS.md (half an hour)
# make bench-check fail if the training step or the input became slow (3 minutes)
# make quality     measure the faces of a model that ships (MODEL=celeba OUTSIDE=a script that prints a distance)
# make study       train the networks of lesson 06 that benchmarks/study.csv lacks (an hour of a core; it resumes)
# make classifier  train the attribute classifier that ships anew (needs CelebA)
# make lint        ruff on module, tests and texts of the lessons
# make format      mend what ruff can mend
# make test-matrix the tests with other versions, one environment after the other; each alone:
# make test-oldest with the oldest that requirements.txt allows, in .venv-oldest       (OLDEST=python3.11)
# make test-colab  with those that Colab ships, in .venv-colab
# make test-newest with the newest, fetched again each time, in .venv-newest           (NEWEST=python3.13)
#                  TESTS="tests/test_hub.py -k load" chooses tests, of make test too
# make clean       remove build/ and the environments
# PYTHON=python3.13 make … chooses another interpreter.

PYTHON ?= python3
VENV ?= .venv
OLDEST ?= python3.11
NEWEST ?= python3.13
WORKERS ?= 2
TESTS ?= tests notebooks
REQUIREMENTS ?= requirements.txt
DEVELOPMENT ?= requirements-dev.txt
VERSION := $(shell $(PYTHON) -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null)
RUN := $(VENV)/bin/python
INTERPRETER := $(VENV)/.python-$(VERSION)
INSTALLED := $(VENV)/.installed-$(VERSION)
TOOLS := $(VENV)/.tools-$(VERSION)
SITE := $(VENV)/.site-$(VERSION)
CODE := vae_keras tests notebooks/src benchmarks docs studio
# What `make test-fast` reads: tests of seconds each. Those marked slow are left out.
FAST := config storage model layers optimizers pipeline latent priors directions reconstruction pca distances datasets \
	archives cache framing loading saving splits augmentation images drawn plots benchmarks project

.DELETE_ON_ERROR:
.PHONY: faces test test-fast setup lessons lab site studio test-browser colab figures bench bench-check quality study classifier lint format test-matrix test-oldest test-colab test-newest clean

faces: $(INSTALLED)
	@$(RUN) -m vae_keras faces --data "$(or $(DATA),cartoon)" --out build

test: $(TOOLS) $(SITE)
	$(RUN) -m pytest $(TESTS) -n $(WORKERS) --dist loadscope -q --durations=5 \
		--nbval-lax --nbval-current-env --nbval-cell-timeout=600

test-fast: $(TOOLS)
	$(RUN) -m pytest $(wildcard $(FAST:%=tests/test_%.py)) -m "not slow" -n $(WORKERS) -q

setup: $(INSTALLED)

lessons: $(INSTALLED)
	@$(RUN) notebooks/src/build.py $(LESSONS) $(if $(PROFILE),--profile $(PROFILE)) \
		$(if $(filter-out celeba,$(DATA)),--data "$(DATA)" --out build/lessons)

lab: $(INSTALLED)
	@$(RUN) -m jupyterlab notebooks

site: $(SITE)
	@$(RUN) docs/make_site.py $(if $(NOTEBOOKS),--notebooks "$(NOTEBOOKS)")

studio: $(TOOLS)
	@$(RUN) studio/make_studio.py $(if $(filter no,$(SERVE)),,--serve) $(if $(PORT),--port $(PORT))

test-browser: $(TOOLS) $(SITE)
	$(RUN) -m pytest tests/browser -q -rs --durations=5

colab: $(INSTALLED)
	@$(RUN) notebooks/src/address.py $(REPO)

figures: $(INSTALLED)
	@$(RUN) notebooks/src/figures.py
	@$(RUN) docs/command_figures.py

bench: $(INSTALLED) .venv-bench/.installed
	@$(RUN) benchmarks/step.py

bench-check: $(INSTALLED)
	@$(RUN) benchmarks/check.py

quality: $(INSTALLED)
	@$(RUN) benchmarks/quality.py --model $(or $(MODEL),celeba) --data $(or $(MODEL),celeba) $(if $(OUTSIDE),--outside "$(OUTSIDE)")

study: $(INSTALLED)
	@$(RUN) benchmarks/study.py

classifier: $(INSTALLED)
	@$(RUN) -m vae_keras classifier --data celeba --out vae_keras/hub/weights/classifier --force

lint: $(TOOLS)
	$(RUN) -m ruff check $(wildcard $(CODE))
	$(RUN) -m ruff format --check $(wildcard $(CODE))

format: $(TOOLS)
	$(RUN) -m ruff check --fix $(wildcard $(CODE))
	$(RUN) -m ruff format $(wildcard $(CODE))

test-matrix:
	@$(MAKE) test-oldest
	@$(MAKE) test-colab PYTHON="$(NEWEST)"
	@$(MAKE) test-newest

test-oldest: build/oldest.txt
	@$(MAKE) test VENV=.venv-oldest PYTHON="$(OLDEST)" PIP_CONSTRAINT="$(CURDIR)/$<"

test-colab:
	@$(MAKE) test VENV=.venv-colab REQUIREMENTS=requirements-colab.txt DEVELOPMENT=requirements-colab.txt

test-newest:
	@rm -f .venv-newest/.installed-* .venv-newest/.tools-*
	@$(MAKE) test VENV=.venv-newest PYTHON="$(NEWEST)" PIP_UPGRADE=1 PIP_UPGRADE_STRATEGY=eager

clean:
	rm -rf build .venv .venv-oldest .venv-colab .venv-newest .venv-bench

# The environment: made anew for another interpreter, installed into again when the requirements change, else left.
$(INTERPRETER):
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null || { \
		echo "error: the course needs Python 3.11 to 3.13, and $(PYTHON) is $(or $(VERSION),missing); on Debian: apt-get install python3 python3-venv, or choose one: PYTHON=python3.11 make …" >&2; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { \
		echo "error: this Python cannot make environments; on Debian: apt-get install python$(VERSION)-venv (or python3-venv)" >&2; exit 1; }
	@$(RUN) -c 'import pip, sys; sys.exit("%d.%d" % sys.version_info[:2] != "$(VERSION)")' 2>/dev/null \
		|| { echo "making $(VENV) with Python $(VERSION)"; $(PYTHON) -m venv --clear $(VENV); }
	@touch $@

$(INSTALLED): $(INTERPRETER) $(REQUIREMENTS)
	@echo "installing $(REQUIREMENTS) into $(VENV): some minutes, once"
	@$(RUN) -m pip install --quiet --disable-pip-version-check -r $(REQUIREMENTS)
	@touch $@

$(TOOLS): $(INSTALLED) $(REQUIREMENTS) $(DEVELOPMENT)
	@$(RUN) -m pip install --quiet --disable-pip-version-check -r $(DEVELOPMENT)
	@touch $@

# At least 2.19 becomes 2.19 and its corrections.
build/oldest.txt: requirements.txt
	@mkdir -p $(@D)
	@sed 's/>=\([0-9.]*\).*/==\1.*/' $< >$@

# The site needs neither TensorFlow nor the module.
$(SITE): $(INTERPRETER) requirements-site.txt
	@$(RUN) -m pip install --quiet --disable-pip-version-check -r requirements-site.txt
	@touch $@

.venv-bench/.installed: benchmarks/requirements.txt
	@echo "installing $< into .venv-bench: some minutes, once"
	@$(PYTHON) -m venv .venv-bench
	@.venv-bench/bin/pip install --quiet --disable-pip-version-check -r $<
	@touch $@
