"""What Envoy would fetch before it serves (`AsyncDataSource`) is read from a file: nobody here has what is there."""

import posixpath
from typing import Final
from urllib.parse import urlsplit

from takeover.check.world.configuration import Configuration, drop, inner, objects, set_field
from takeover.scenario.envoy_config import either

FOLDER: Final = "/remote"


def read_from_files(configuration: Configuration) -> None:
    """Has each read from a file in `FOLDER`, by its last name there; one that nobody gave is made if it can be."""
    for name, document in configuration.documents():
        for path, found in objects(document):
            uri = either(inner(found, "remote", "http_uri"), "uri")
            if not isinstance(uri, str):
                continue
            file = posixpath.join(FOLDER, posixpath.basename(urlsplit(uri).path) or "index")
            drop(found, "remote")
            set_field(found, "local", {"filename": file})
            what = f"{file} is read, and nothing is fetched"
            configuration.differs(what, "nobody here has what is fetched", configuration.place_in(name, path))
