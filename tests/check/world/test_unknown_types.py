"""Extensions of one's own cannot be served: they are left out, and that is told."""

import json
from pathlib import Path
from typing import Any

from takeover.check.given import read
from takeover.check.world.configuration import Configuration


def test_filters_of_types_that_nobody_here_knows_are_not_served(tmp_path: Path) -> None:
    mine = {"name": "mine", "typed_config": {"@type": "type.googleapis.com/mine.v1.Filter"}}
    listener = {
        "@type": "type.googleapis.com/envoy.config.listener.v3.Listener",
        "name": "in",
        "filter_chains": [{"filters": [mine]}],
    }
    section: dict[str, Any] = {
        "@type": "type.googleapis.com/envoy.admin.v3.ListenersConfigDump",
        "dynamic_listeners": [{"name": "in", "active_state": {"listener": listener}}],
    }
    path = tmp_path / "dump.json"
    path.write_text(json.dumps({"configs": [section]}))
    given = read(path, {})

    configuration = Configuration.of(given)

    [served] = configuration.served
    assert served.data["filter_chains"] == [{"filters": []}]
    [told] = configuration.different
    assert told.what == "left out of in: filter_chains[0].filters[0] (mine.v1.Filter)"
    assert given.resources[0].data["filter_chains"] == [{"filters": [mine]}]
