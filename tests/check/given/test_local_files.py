"""Only what the user names is read from this machine, and nothing that a link leads to elsewhere."""

import json
from pathlib import Path

import pytest

from takeover.base.errors import BadInputError
from takeover.check.given import local_files, read

TYPE = "type.googleapis.com/envoy."
LISTENER = f"{TYPE}config.listener.v3.Listener"


def test_files_are_there_by_the_paths_that_the_configuration_has(tmp_path: Path) -> None:
    folder = tmp_path / "etc"
    (folder / "certs" / "..2026").mkdir(parents=True)
    (folder / "certs" / "..2026" / "tls.crt").write_text("here")
    (folder / "certs" / "..data").symlink_to("..2026")  # as a kubelet mounts a Secret
    (folder / "certs" / "tls.crt").symlink_to("..data/tls.crt")
    (folder / "again").symlink_to(".")  # a loop
    (folder / "lds.yaml").write_text("{}")
    one = tmp_path / "one.pem"
    one.write_text("x")
    config = tmp_path / "envoy.yaml"
    config.write_text("admin: { profile_path: /etc/shadow }\n")

    found = read(config, {"/etc//envoy/": folder, "certs/../my.pem": one}).files

    assert found["/etc/envoy/certs/tls.crt"].read_text() == "here"
    assert found["/etc/envoy/lds.yaml"] == folder / "lds.yaml"
    assert found["my.pem"] == one
    assert {each for each in found if "again" not in each} == {
        "/etc/envoy/certs/tls.crt",
        "/etc/envoy/lds.yaml",
        "my.pem",
    }


def test_links_that_lead_out_and_what_is_not_there_are_refused(tmp_path: Path) -> None:
    folder = tmp_path / "etc"
    folder.mkdir()
    (folder / "passwd").symlink_to("/etc/passwd")
    with pytest.raises(BadInputError, match="passwd: a link out of its folder"):
        local_files.files_of({"/etc/envoy": folder})
    (folder / "passwd").unlink()
    (folder / "gone").symlink_to("nowhere")
    with pytest.raises(BadInputError, match="gone: cannot be read: No such file"):
        local_files.files_of({"/etc/envoy": folder})
    with pytest.raises(BadInputError, match="cannot be read: it is a device"):
        local_files.files_of({"/etc/envoy": Path("/dev/null")})


def test_how_many_and_how_much_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in "abc":
        (tmp_path / name).write_text("four")
    monkeypatch.setattr(local_files, "MAX_FILES", 2)
    with pytest.raises(BadInputError, match="more than 2 files"):
        local_files.files_of({"/x": tmp_path})
    monkeypatch.setattr(local_files, "MAX_FILES", 3)
    assert len(local_files.files_of({"/x": tmp_path})) == 3
    monkeypatch.setattr(local_files, "MAX_BYTES", 11)
    with pytest.raises(BadInputError, match="more than 3 files or 0 MiB"):
        local_files.files_of({"/x": tmp_path})


def test_the_option_is_a_pair() -> None:
    assert local_files.pairs(["/a=b=c", "d=e"]) == {"/a": Path("b=c"), "d": Path("e")}
    with pytest.raises(BadInputError, match="--files /a: must be PATH=LOCAL"):
        local_files.pairs(["/a"])


def test_resources_of_files_that_are_given_are_read_and_those_of_files_that_they_name(tmp_path: Path) -> None:
    http = "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"
    (tmp_path / "lds.yaml").write_text(f"""\
resources:
- "@type": type.googleapis.com/envoy.config.listener.v3.Listener
  name: in
  filterChains:
  - filters:
    - name: http
      typed_config:
        "@type": {http}
        rds: {{ route_config_name: main, config_source: {{ path: /etc/envoy/./rds.yaml }} }}
""")
    (tmp_path / "rds.yaml").write_text(
        "resources: [{ '@type': type.googleapis.com/envoy.config.route.v3.RouteConfiguration, name: main }]\n"
    )
    config = tmp_path / "envoy.yaml"
    config.write_text("dynamic_resources: { lds_config: { path_config_source: { path: /etc/envoy/lds.yaml } } }\n")
    assert read(config, {}).resources == ()

    listener, routes = read(config, {"/etc/envoy": tmp_path}).resources

    assert (listener.name, listener.is_static, listener.place.line) == ("in", False, 2)
    assert listener.place.file.endswith("lds.yaml")
    assert (routes.name, routes.is_static, routes.is_inline) == ("main", False, False)
    (tmp_path / "rds.yaml").write_text("name: main\n")
    with pytest.raises(BadInputError, match=r"rds\.yaml: must be a mapping with resources"):
        read(config, {"/etc/envoy": tmp_path})


@pytest.mark.parametrize("path", ["/etc/envoy/lds.yaml", "./etc/envoy/lds.yaml", "etc//envoy/lds.yaml"])
@pytest.mark.parametrize("option", ["/etc/envoy", "etc/envoy", "./etc/envoy/"])
def test_a_file_is_the_same_from_the_root_and_from_envoys_folder_which_that_is(
    path: str, option: str, tmp_path: Path
) -> None:
    served = {"@type": LISTENER, "name": "in"}
    wrapped = {"@type": f"{TYPE}service.discovery.v3.Resource", "name": "in", "resource": served}
    other = {"@type": f"{TYPE}config.bootstrap.v3.Bootstrap"}
    (tmp_path / "lds.yaml").write_text(json.dumps({"resources": [wrapped, other]}))
    config = tmp_path / "envoy.yaml"
    config.write_text(json.dumps({"dynamic_resources": {"lds_config": {"path_config_source": {"path": path}}}}))

    found = read(config, {option: tmp_path})

    assert [(each.name, each.type_url) for each in found.resources] == [("in", LISTENER)]
    assert [each.what for each in found.different] == ["left out: envoy.config.bootstrap.v3.Bootstrap"]


def test_a_log_is_no_source_of_resources(tmp_path: Path) -> None:
    log = {"@type": f"{TYPE}extensions.access_loggers.file.v3.FileAccessLog", "path": "/var/log/access.log"}
    (tmp_path / "access.log").write_text("GET / 200\n")
    config = tmp_path / "envoy.yaml"
    config.write_text(json.dumps({"admin": {"access_log": [{"name": "file", "typed_config": log}]}}))
    assert read(config, {"/var/log": tmp_path}).resources == ()


def test_a_file_that_may_not_be_read_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "key.pem").touch()

    def refuse(self: Path, *_: object) -> None:  # root may read all
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr(Path, "open", refuse)
    for named in (tmp_path, tmp_path / "key.pem"):
        with pytest.raises(BadInputError, match=r"--files .*key\.pem: cannot be read: Permission denied"):
            local_files.files_of({"/etc/certs": named})
