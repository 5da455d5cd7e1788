"""A real Envoy that is updated: what it takes, refuses, and ends of."""

from collections.abc import Iterator
from typing import Any

import pytest

from takeover.base.errors import BadInputError, TakeoverError
from takeover.envoy import updated
from takeover.envoy.answers import Answer
from takeover.envoy.releases import resolve
from takeover.envoy.updated import UpdatedEnvoy, resource, updated_envoy
from takeover.evidence.quiescence import waited_for
from takeover.peers.control_plane.resources import Resource

PREFIX = "type.googleapis.com"
HTTP = "envoy.extensions.filters"


@pytest.fixture(scope="module")
def running() -> Iterator[UpdatedEnvoy]:
    with updated_envoy(resolve(None)[0].path) as envoy:
        yield envoy


def cluster(name: str, **fields: Any) -> Resource:
    return resource({"@type": f"{PREFIX}/envoy.config.cluster.v3.Cluster", "name": name, **fields})


def listener(name: str, *filters: dict[str, Any], port: int = 10001, **fields: Any) -> Resource:
    router = {"name": "router", "typed_config": {"@type": f"{PREFIX}/{HTTP}.http.router.v3.Router"}}
    manager = {
        "@type": f"{PREFIX}/{HTTP}.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "test",
        "route_config": {"virtual_hosts": []},
        "http_filters": [*filters, router],
        **fields,
    }
    return resource(
        {
            "@type": f"{PREFIX}/envoy.config.listener.v3.Listener",
            "name": name,
            "address": {"socket_address": {"address": "127.0.0.1", "port_value": port}},
            "filter_chains": [{"filters": [{"name": "http", "typed_config": manager}]}],
        }
    )


def lua(code: str) -> dict[str, Any]:
    config = {"@type": f"{PREFIX}/{HTTP}.http.lua.v3.Lua", "default_source_code": {"inline_string": code}}
    return {"name": "lua", "typed_config": config}


def test_each_resource_has_an_answer_of_its_own(running: UpdatedEnvoy) -> None:
    offered = [cluster("a"), cluster("b", connect_timeout="-1s"), listener("c"), listener("d", stat_prefix="")]

    found = running.answers([*offered, *offered])

    assert [each.state for each in found] == ["taken", "refused", "taken", "refused"] * 2
    assert "Expected positive duration" in found[1].why
    assert "StatPrefix: value length must be at least 1 characters" in found[3].why
    assert found[0].log == ()
    assert "config rejected" in found[3].log[0]


def test_what_is_taken_is_removed_with_the_next_one(running: UpdatedEnvoy) -> None:
    # On one address two listeners do not go together.
    assert [each.state for each in running.answers([listener("one"), listener("two")])] == ["taken"] * 2


def test_what_is_kept_serves_until_it_is_removed(running: UpdatedEnvoy) -> None:
    kept = listener("kept", port=10002)
    assert running.answers([kept], keep=True)[0].state == "taken"
    assert running.answers([listener("another", port=10003)])[0].state == "taken"
    running.node.connect(("127.0.0.1", 10002)).close()

    running.remove([kept])
    running.answers([listener("next", port=10004)])

    def missing() -> str:  # the answer is there before its worker has closed the port
        try:
            running.node.connect(("127.0.0.1", 10002)).close()
        except ConnectionRefusedError:
            return ""
        return "it still serves"

    assert not waited_for(missing, 60)


def test_warnings_stand_beside_what_causes_them(running: UpdatedEnvoy) -> None:
    deprecated = {"@type": f"{PREFIX}/{HTTP}.http.lua.v3.Lua", "inline_code": "x = 1"}

    found = running.answers([listener("a"), listener("b", {"name": "lua", "typed_config": deprecated}), listener("c")])

    assert [each.state for each in found] == ["taken"] * 3
    assert [any("Lua.inline_code" in line for line in each.log) for each in found] == [False, True, False]


def test_an_envoy_that_ends_is_told_and_the_rest_goes_to_a_new_one(running: UpdatedEnvoy) -> None:
    starts = running.starts

    found = running.answers([listener("a"), listener("b", lua("os.exit(7)")), listener("c", stat_prefix="")])

    assert [each.state for each in found] == ["taken", "ended", "refused"]
    assert found[1].why == "exit code 7"
    assert running.starts > starts


def test_one_that_ended_later_is_told_from_the_one_after_it(
    running: UpdatedEnvoy, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Its answer is there before it ends: it is the one after it whose answer does not come.
    late, offered = listener("late", lua("os.exit(7)")), [cluster("a"), listener("late"), cluster("b")]
    answer = UpdatedEnvoy._answer
    seen = list[str]()

    def ends_later(self: UpdatedEnvoy, each: Resource, keep: bool) -> Answer:
        if each.name == "late" and "late" not in seen:
            seen.append("late")
            taken = answer(self, each, keep)
            assert answer(self, late, keep).state == "ended"
            return taken
        return answer(self, late if each.name == "late" else each, keep)

    monkeypatch.setattr(UpdatedEnvoy, "_answer", ends_later)
    assert [each.state for each in running.answers(offered)] == ["taken", "ended", "taken"]


def test_one_that_hangs_is_told(running: UpdatedEnvoy, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(updated, "_ANSWER", 3.0)
    monkeypatch.setattr(updated, "_HANGS", 3.0)

    found = running.answers([listener("a", lua("while true do end")), cluster("b")])

    assert [each.state for each in found] == ["hangs", "taken"]


def test_an_update_that_waits_for_another_one_has_no_answer(
    running: UpdatedEnvoy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(updated, "_ANSWER", 3.0)
    discovery = {"config_source": {"ads": {}}, "type_urls": [f"{PREFIX}/{HTTP}.http.buffer.v3.Buffer"]}
    options = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
    waiting = cluster(
        "a",
        typed_extension_protocol_options={
            options: {
                "@type": f"{PREFIX}/{options}",
                "explicit_http_config": {"http_protocol_options": {}},
                "http_filters": [
                    {"name": "later", "config_discovery": discovery},
                    {
                        "name": "codec",
                        "typed_config": {"@type": f"{PREFIX}/{HTTP}.http.upstream_codec.v3.UpstreamCodec"},
                    },
                ],
            }
        },
    )

    found = running.answers([waiting, cluster("b")])

    assert [each.state for each in found] == ["unanswered", "taken"]


def test_one_whose_worker_ends_is_told_though_it_had_taken_it(running: UpdatedEnvoy) -> None:
    # A percentage that is no number is found out by the worker.
    found = running.answers(
        [cluster("a"), cluster("b", common_lb_config={"healthy_panic_threshold": {"value": "NaN"}}), cluster("c")]
    )
    assert [each.state for each in found] == ["taken", "ended", "taken"]


def test_one_that_does_not_start_says_why() -> None:
    with (
        pytest.raises(TakeoverError, match=r"does not start: .*nothing_of_the_kind"),
        updated_envoy(resolve(None)[0].path, bootstrap={"nothing_of_the_kind": 1}),
    ):
        pass


def test_a_field_that_the_protos_do_not_know_is_bad_input() -> None:
    with pytest.raises(BadInputError, match="nothing_of_the_kind"):
        cluster("a", nothing_of_the_kind=1)
