import signal
import threading

import pytest

from takeover.uninterrupted import uninterrupted


def test_a_ctrl_c_waits_though_another_thread_could_take_it() -> None:
    over = threading.Event()
    other = threading.Thread(target=over.wait)
    other.start()
    done = []
    try:
        with pytest.raises(KeyboardInterrupt), uninterrupted():
            signal.pthread_kill(other.ident or 0, signal.SIGINT)
            done.append("before")
            signal.raise_signal(signal.SIGINT)
            done.append("after")
    finally:
        over.set()
        other.join()
    assert done == ["before", "after"]


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
