"""The project's scenarios that suites assert something of; those of the atlas are for probes alone."""

from takeover.scenario.library import Library

WITH_SUITES = [name for name in Library.bundled().names() if Library.bundled().chapter(name) != "atlas"]
