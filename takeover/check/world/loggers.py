"""Loggers that call somebody do so for each entry: what they count by a timer would be of some other probe.

Who is told statistics hears of them at another time than probes are made.
"""

from takeover.check.world.configuration import (
    Configuration,
    content_of,
    drop,
    inner,
    kind_of,
    listed,
    objects,
    set_field,
)

_SIZE = "buffer_size_bytes"
_COMMON = "common_config"
_LOGGERS = (".HttpGrpcAccessLogConfig", ".TcpGrpcAccessLogConfig", ".OpenTelemetryAccessLogConfig")


def log_at_once(configuration: Configuration) -> None:
    """Has no entry of an access log over gRPC or OTLP wait for others; says so."""
    for _, document in configuration.documents():
        for _, found in list(objects(document)):
            if not kind_of(found).endswith(_LOGGERS):
                continue
            content = content_of(found)
            # OTLP's logger has it in itself where nothing is common.
            set_field(inner(content, _COMMON) or content, _SIZE, 0)
            what = "access loggers over gRPC and OTLP send each entry at once (`buffer_size_bytes` is 0)"
            configuration.differs(what, "what they count by a timer would be of whichever probe is made then")


def tell_statistics_seldom(configuration: Configuration) -> None:
    """Has sinks be told of statistics every five minutes, about the longest that Envoy takes; says so."""
    bootstrap = configuration.bootstrap
    if not listed(bootstrap, "stats_sinks"):
        return
    drop(bootstrap, "stats_flush_on_admin")
    set_field(bootstrap, "stats_flush_interval", "299s")
    what = "sinks are told of statistics every 299 s (`stats_flush_interval`)"
    configuration.differs(what, "calls to them would be counted in the midst of probes", configuration.place())
