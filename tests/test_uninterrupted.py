import signal
import threading

import pytest

from takeover.uninterrupted import uninterrupted


def test_a_ctrl_c_waits_also_one_that_another_thread_takes() -> None:
    done = []

    def work() -> None:
        with uninterrupted():
            for way in (_in_another_thread, signal.raise_signal):
                way(signal.SIGINT)
                done.append(way)

    with pytest.raises(KeyboardInterrupt):
        work()
    assert done == [_in_another_thread, signal.raise_signal]


def _in_another_thread(number: signal.Signals) -> None:
    other = threading.Thread(target=signal.raise_signal, args=(number,))
    other.start()
    other.join()


def test_what_handled_ctrl_c_does_so_again() -> None:
    before = signal.getsignal(signal.SIGINT)
    with uninterrupted():
        pass
    assert signal.getsignal(signal.SIGINT) is before


def test_beside_the_main_thread_there_is_nothing_to_wait_for() -> None:
    entered = []

    def enter() -> None:
        with uninterrupted():
            entered.append(True)

    other = threading.Thread(target=enter)
    other.start()
    other.join()
    assert entered == [True]
