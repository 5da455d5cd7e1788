"""Who is at either end of a cluster's TLS: what the upstream is for, and whom it takes."""

from pathlib import Path
from typing import Any

import pytest
from cryptography import x509

from takeover.check.world import certificates
from takeover.peers.world import table
from tests.check.world.worlds import TYPE, Built, bootstrap, cluster, given, http, listener, served, tls
from tests.peers.upstream import CERTIFICATES


@pytest.mark.parametrize(
    ("kind", "name", "made"),
    [
        ("DNS", "spiffe://mesh/a", "DNS:spiffe://mesh/a"),  # as some control planes have it
        ("URI", "urn:mesh:a", "URI:urn:mesh:a"),
        ("EMAIL", "a@mesh.test", "email:a@mesh.test"),
        ("DNS", "a.test", "a.test"),
        ("IP_ADDRESS", "10.0.0.9", "10.0.0.9"),
    ],
)
def test_a_certificate_has_each_name_as_the_kind_that_is_asked_for(
    tmp_path: Path, kind: str, name: str, made: str
) -> None:
    names = [{"sanType": kind, "matcher": {"exact": name}}]
    socket = tls(validation_context={"trusted_ca": {"filename": "/ca.pem"}, "match_typed_subject_alt_names": names})
    clusters = [cluster("secure", "10.0.0.1", 443, transport_socket=socket)]
    built = Built(given(bootstrap([listener("in", 8080, http("secure"))], clusters)), tmp_path / "mine")
    [secure] = built.world.dialled
    assert secure.server_names[0] == made
    file = built.folder / f"world/{built.place('10.0.0.1', 443).certificate}.pem"
    its = x509.load_pem_x509_certificate(file.read_bytes())
    alternatives = its.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    classes = {"DNS": x509.DNSName, "URI": x509.UniformResourceIdentifier, "EMAIL": x509.RFC822Name}
    wanted = classes.get(kind, x509.IPAddress)
    assert name in [str(each.value) for each in alternatives if isinstance(each, wanted)]


def test_a_certificate_is_of_a_domain_that_is_trusted(tmp_path: Path) -> None:
    """Its first URI counts; where a name in a domain is asked for anyway, that one does."""
    validator = {
        "@type": f"{TYPE}envoy.extensions.transport_sockets.tls.v3.SPIFFECertValidatorConfig",
        "trust_domains": [{"name": "one.test"}, {"name": "two"}],
    }
    context: dict[str, Any] = {"custom_validator_config": {"name": "spiffe", "typed_config": validator}}
    named = {"match_typed_subject_alt_names": [{"san_type": "URI", "matcher": {"exact": "spiffe://two/ns/a/sa/b"}}]}
    clusters = [
        cluster("any", "10.0.0.1", 443, transport_socket=tls(validation_context=context)),
        cluster("named", "10.0.0.2", 443, transport_socket=tls(validation_context=context | named)),
    ]
    built = Built(given(bootstrap([listener("in", 8080, http("any"))], clusters)), tmp_path / "mine")
    first = [each.server_names[0] for each in built.world.dialled]
    assert first == ["spiffe://one.test/ns/default/sa/any", "spiffe://two/ns/a/sa/b"]


def test_the_upstream_takes_the_certificates_that_envoy_has(tmp_path: Path) -> None:
    """Those of a secret and of a file that was given, too; not what our authority has signed: that it takes anyway."""
    theirs, others, third = ((CERTIFICATES / f"{each}.pem").read_text() for each in ("right", "expired", "other-name"))
    ours = certificates.certificate("ours", ("ours.test",))
    (tmp_path / "pair").write_text(others)
    pairs: list[Any] = [
        {"certificate_chain": {"inline_string": chain}, "private_key": {"inline_string": key}}
        for chain, key in ((theirs, theirs), (ours.chain, ours.key))
    ]
    pairs.append({"certificate_chain": {"filename": "/given/pair"}, "private_key": {"filename": "/given/pair"}})
    secret = {
        "tls_certificate": {"certificate_chain": {"inline_string": third}, "private_key": {"inline_string": third}}
    }
    named = [{"name": "identity", "sds_config": {"ads": {}}}]
    clusters = [
        cluster("secure", "10.0.0.1", 443, transport_socket=tls(tls_certificates=pairs)),
        cluster("by-secret", "10.0.0.2", 443, transport_socket=tls(tls_certificate_sds_secret_configs=named)),
    ]
    resource = served("envoy.extensions.transport_sockets.tls.v3.Secret", "identity", {"name": "identity", **secret})
    data = bootstrap([listener("in", 8080, http("secure"))], clusters)
    built = Built(given(data, resource, pair=tmp_path / "pair"), tmp_path / "mine")
    taken = x509.load_pem_x509_certificates((built.folder / "world" / table.CLIENTS).read_bytes())
    assert taken == [x509.load_pem_x509_certificate(each.encode()) for each in (theirs, others, third)]


def test_no_certificate_of_another_authority_is_taken_where_there_is_none(tmp_path: Path) -> None:
    clusters = [cluster("secure", "10.0.0.1", 443, transport_socket=tls())]
    built = Built(given(bootstrap([listener("in", 8080, http("secure"))], clusters)), tmp_path / "mine")
    assert not (built.folder / "world" / table.CLIENTS).exists()
