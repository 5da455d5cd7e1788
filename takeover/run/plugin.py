"""The plugin as pytest loads it. All else is imported only in a run that names scenarios."""

import os
from collections.abc import Generator

import pytest

try:
    from takeover.base import ctrl_c

    if "PYTEST_XDIST_WORKER" not in os.environ:  # a worker hears of it when it can end as it should
        ctrl_c.ends_at_once()
except KeyboardInterrupt:  # it is what would know what to do
    os.write(2, b"\ninterrupted\n")
    os._exit(2)
from takeover.run import options

# A verdict that fails shows what was observed instead.
pytest.register_assert_rewrite("takeover.suite.verdicts")


def pytest_addoption(parser: pytest.Parser, pluginmanager: pytest.PytestPluginManager) -> None:
    """Declares the options."""
    options.declare(parser, pluginmanager)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_load_initial_conftests(
    early_config: pytest.Config, parser: pytest.Parser, args: list[str]
) -> Generator[None, None, None]:
    """Begins the workers, if there will be any."""
    if "PYTEST_XDIST_WORKER" not in os.environ and options.is_wanted(early_config, early_config.known_args_namespace):
        from takeover.run import ini_file
        from takeover.run.workers import begin_ahead

        ini_file.check(early_config)
        _, unknown = parser.parse_known_and_unknown_args(args)
        if not unknown:  # else pytest may be about to refuse them, and need not wait until much was read
            begin_ahead(early_config)
    return (yield)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> Generator[None, object, object]:
    """Settles what other plugins look at before anything is configured: how many workers there are, what is printed."""
    if options.is_wanted(config):
        if config.option.write_docs is not None:  # nothing is run, and only the files are listed
            config.option.collectonly, config.option.verbose = True, -2
        from takeover.run.workers import choose_number

        choose_number(config)
    else:
        config.pluginmanager.register(_Beginning())
    try:
        return (yield)
    except KeyboardInterrupt:  # after pytest's own session, which knows what to do
        ctrl_c.told()
        return pytest.ExitCode.INTERRUPTED


class _Beginning:
    """In a run that is not ours: from its session on, pytest knows what to do after a Ctrl-C."""

    @pytest.hookimpl(tryfirst=True)
    def pytest_configure(self) -> None:
        ctrl_c.raises_again()


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    """Makes the run's parts."""
    if not options.is_wanted(config):
        return
    from takeover.run import scenario_mark

    config.addinivalue_line("markers", f"{scenario_mark.SIGNATURE}: the scenario that a test runs in")
    config.addinivalue_line("markers", "probes: what is observed of probes, and of each Envoy by itself (--probes)")
    if config.option.help or config.option.markers:
        return
    from takeover.run.interrupt import Interrupts

    # Not before: pytest itself takes over what Python does with an exception that nobody can catch, and loses it.
    config.pluginmanager.register(Interrupts(), Interrupts.NAME)
    from takeover.run.wiring import wire

    wire(config)
