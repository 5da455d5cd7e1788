"""Access logs in a world: ours beside those that are there, and those on stdout, without what is of chance."""

from takeover.check.scopes import FIELD
from takeover.check.world.configuration import (
    LISTENER,
    Configuration,
    content_of,
    drop,
    inner,
    kind_of,
    listed,
    objects,
    set_field,
)
from takeover.check.world.formats import tell_no_times, without_chance
from takeover.model.json import JsonObject
from takeover.model.logs import TEXT
from takeover.scenario.envoy_config import either
from takeover.scenario.supplying import access_log, name_of, observed_kind

_LOGGERS = (".FileAccessLog", ".StdoutAccessLog", ".StderrAccessLog")
_MONGO = ".MongoProxy"
_STDOUT = "type.googleapis.com/envoy.extensions.access_loggers.stream.v3.StdoutAccessLog"
_OF_CONNECTIONS = "type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy"
_DEFAULT = (
    '[%START_TIME%] "%REQ(:METHOD)% %REQ(X-ENVOY-ORIGINAL-PATH?:PATH)% %PROTOCOL%" %RESPONSE_CODE% %RESPONSE_FLAGS% '
    "%BYTES_RECEIVED% %BYTES_SENT% %DURATION% %RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)% "
    '"%REQ(X-FORWARDED-FOR)%" "%REQ(USER-AGENT)%" "%REQ(X-REQUEST-ID)%" "%REQ(:AUTHORITY)%" "%UPSTREAM_HOST%"'
)
"""What Envoy writes without a format."""


def observe(configuration: Configuration) -> None:
    """Adds ours to all that has an access log, and brings those of files to stdout; formats lose what is of chance."""
    for _, document in configuration.documents():
        for _, found in list(objects(document)):
            if kind_of(found).endswith(_LOGGERS):
                _to_stdout(configuration, found)
            if kind_of(found).endswith(_MONGO) and drop(content_of(found), "access_log"):
                configuration.differs("a Mongo proxy writes no log", "nothing reads it, and its folder is not here")
    _without_null(configuration)
    tell_no_times(configuration)
    admin = inner(configuration.bootstrap, "admin")
    if drop(admin, "access_log", "access_log_path"):
        configuration.differs("the admin API writes no access log", "it is asked by this run, all the time")
    added = 0
    for listener, _ in configuration.of_type(LISTENER):
        before = added
        for _, found in list(objects(listener)):
            if kind := observed_kind(kind_of(found)):
                ours = access_log(kind, name_of(listener), _scoping(content_of(found)))
                set_field(content_of(found), "access_log", [*listed(content_of(found), "access_log"), ours])
                added += 1
        if added == before and listed(listener, "filter_chains"):
            # Of its filters none logs: then it tells of each connection by which chain that was taken.
            ours = access_log(_OF_CONNECTIONS, name_of(listener), {})
            set_field(listener, "access_log", [*listed(listener, "access_log"), ours])
            added += 1
    if added:
        configuration.differs("one more access log, in JSON, goes to stdout", "this run reads it")


def _scoping(manager: JsonObject) -> dict[str, str]:
    """Fields with the headers by which a connection manager scopes requests."""
    builders = listed(inner(manager, "scoped_routes", "scope_key_builder"), "fragments")
    names = (str(inner(each, "header_value_extractor").get("name", "")).lower() for each in builders)
    return {FIELD.format(number): f"%REQ({name})%" for number, name in enumerate(dict.fromkeys(filter(None, names)))}


def _to_stdout(configuration: Configuration, found: JsonObject) -> None:
    content = content_of(found)
    path = str(content.get("path", "stdout"))
    form = inner(content, "log_format")
    json_form = either(form, "json_format") or either(content, "json_format")
    typed = either(form, "typed_json_format") or either(content, "typed_json_format")
    text = either(form, "text_format") or content.get("format")
    source = either(inner(form, "text_format_source"), "inline_string")
    formatters = {"formatters": form["formatters"]} if "formatters" in form else {}
    if json_form or typed:
        written: JsonObject = {"json_format": without_chance(json_form or typed)}
    else:
        line = without_chance(str(text or source or _DEFAULT)).strip("\n").replace("\n", " ")
        written = {"text_format_source": {"inline_string": f"{TEXT}{line}\n"}}
    found.clear()
    found |= {"@type": _STDOUT, "log_format": {**written, **formatters}}
    if path == "/dev/null":
        found["null"] = True
        return
    configuration.differs(
        f"the access log of {path} goes to stdout, without times and numbers of connections",
        "each entry is compared, and those are of chance",
    )


def _without_null(configuration: Configuration) -> None:
    """Takes the loggers away that write nowhere: Envoy counts their entries as written."""
    for _, document in configuration.documents():
        for _, found in list(objects(document)):
            for key in ("access_log", "accessLog", "upstream_log", "upstreamLog"):
                loggers = found.get(key)
                if isinstance(loggers, list):
                    found[key] = [each for each in loggers if "null" not in inner(each, "typed_config")]
