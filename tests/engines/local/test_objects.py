"""What the local engine does not take is refused by its full path, never ignored."""

from typing import Any

import pytest

from takeover.base.errors import BadInputError
from takeover.engines.local import parsing, without_effect
from takeover.engines.local.objects import Pod
from tests.engines.local.documents import (
    config_map,
    fields,
    mount,
    named,
    pod,
    projected,
    replica,
    secret,
    secret_items,
    service,
    sub_path,
    variable,
    volume,
)

DOUBLING = [{"name": "A0", "value": "xx"}, *({"name": f"A{n}", "value": f"$(A{n - 1})" * 2} for n in range(1, 64))]
PROBE = {"httpGet": {"port": 80}}
PORT = "net.ipv4.ip_unprivileged_port_start"


@pytest.mark.parametrize(
    ("document", "told"),
    [
        (pod({"livenessProbe": PROBE}), "Pod/web: spec.containers[1].livenessProbe is not supported"),
        (pod({"lifecycle": {}}), "Pod/web: spec.containers[1].lifecycle is not supported"),
        (pod({"envFrom": [{}]}), "Pod/web: spec.containers[1].envFrom[0]: variables are from either a configMapRef or"),
        (pod({"envFrom": [{"secretRef": {"name": "s"}, "prefix": "="}]}), "envFrom[0].prefix is '='; it must be of"),
        (variable({}), "Pod/web: spec.containers[1].env[0].valueFrom: a value is from exactly one of configMapKeyRef"),
        (variable({"resourceFieldRef": {}}), "env[0].valueFrom.resourceFieldRef is not supported"),
        (
            variable({"fieldRef": {"fieldPath": "spec.nodeName"}}),
            "fieldRef.fieldPath is 'spec.nodeName'; the local",
        ),
        (variable({"fieldRef": {"fieldPath": "status.podIP"}}, value="x"), "env[0]: a variable has either value or"),
        (pod(volumes=[{"name": "v", "secret": {"secretName": "../s"}}]), "volumes[0].secret.secretName is '../s'; it"),
        (secret_items({"key": "a", "path": "/etc/passwd"}), "secret.items[0].path is '/etc/passwd'; it must be a path"),
        (secret_items({"key": "a", "path": "b/../../c"}), "secret.items[0].path is 'b/../../c'; it must be a path"),
        (secret_items({"key": "a", "path": "..b"}), "secret.items[0].path is '..b'; it must be a path within"),
        (secret_items({"key": "a", "path": "b", "mode": 0o4000}), "secret.items[0].mode is 2048; a mode is a number"),
        (secret_items({"key": "a", "path": "b"}, {"key": "c", "path": "b"}), "secret.items has /b twice"),
        (secret_items({"key": "a", "path": "b"}, {"key": "c", "path": "b/d"}), "items has b as a file and as a folder"),
        (secret(data={"a": "A"}), "Secret/s: data.a is no base64"),
        (secret(data={"../x": "AA=="}), "Secret/s: data has a key that is '../x'; it must be of letters"),
        (secret(stringData={"../x": ""}), "Secret/s: stringData has a key that is '../x'; it must be of letters"),
        (secret(stringData={"a": "x" * (1 << 20), "b": "x"}), "Secret/s: data is longer than 1048576 bytes"),
        (
            secret(type="kubernetes.io/tls", stringData={"tls.crt": ""}),
            "Secret/s: data has no tls.key, which one",
        ),
        (sub_path("../x"), "spec.containers[1].volumeMounts[0].subPath is '../x'; it must be a path within the volume"),
        (sub_path("/etc"), "spec.containers[1].volumeMounts[0].subPath is '/etc'; it must be a path within the volume"),
        (sub_path("a/../../b"), "volumeMounts[0].subPath is 'a/../../b'; it must be a path within the volume"),
        (pod({"volumeMounts": [{"name": "v", "mountPath": "/v", "subPathExpr": "x"}]}), "[0].subPathExpr is not"),
        (pod({"workingDir": "x"}), "spec.containers[1].workingDir is 'x'; it must be an absolute path"),
        (pod({"securityContext": {"supplementalGroups": [1]}}), "supplementalGroups is a field of the Pod's securityC"),
        (pod({"resources": {"limits": {"cpu": "many"}}}), "resources.limits.cpu is 'many', which is no quantity"),
        (pod({"resources": {"requests": {"cpu": -1}}}), "resources.requests.cpu is '-1', which is no quantity"),
        (pod({"resources": {"limit": {}}}), "spec.containers[1].resources.limit is not supported"),
        (pod(serviceAccountName="A"), "Pod/web: spec.serviceAccountName is 'A'; it must be of small letters"),
        (pod(nodeSelector={"a b": "c"}), "Pod/web: spec.nodeSelector has a key that is 'a b'; it must be of letters"),
        (pod(nodeSelector={"a": "b c"}), "Pod/web: spec.nodeSelector.a is 'b c'; it must be of letters"),
        (pod(imagePullSecrets=[{"name": "A"}]), "spec.imagePullSecrets[0].name is 'A'; it must be of small letters"),
        (pod(enableServiceLinks=True), "Pod/web: spec.enableServiceLinks: Invalid enum value"),
        (pod(dnsPolicy="Default"), "Pod/web: spec.dnsPolicy: Invalid enum value 'Default'"),
        (pod(securityContext={"runAsUser": -1}), "Pod/web: spec.securityContext.runAsUser is -1; it must be a number"),
        (
            pod(securityContext={"supplementalGroups": [1 << 31]}),
            "spec.securityContext.supplementalGroups[0] is 2147",
        ),
        (pod(securityContext={"runAsGroup": 5}), "spec.securityContext.runAsGroup is a group without runAsUser, which"),
        (
            pod(securityContext={"sysctls": [{"name": "net.core.somaxconn", "value": "1"}]}),
            "Pod/web: spec.securityContext.sysctls[0].name is 'net.core.somaxconn', which no kubelet takes from a Pod",
        ),
        (
            pod(securityContext={"sysctls": [{"name": "kernel/shm_rmid_forced", "value": "1"}]}),
            "sysctls[0].name is kernel.shm_rmid_forced: the local engine's containers share no memory",
        ),
        (
            pod(securityContext={"sysctls": [{"name": each, "value": "1"} for each in (PORT, PORT.replace(".", "/"))]}),
            "securityContext.sysctls has net.ipv4.ip_unprivileged_port_start twice",
        ),
        (pod(securityContext={"sysctls": [{"name": PORT, "value": 1}]}), "sysctls[0].value: Expected `str`, got `int`"),
        (
            pod(securityContext={"runAsNonRoot": True}),
            "spec.containers[0].securityContext says runAsNonRoot, and",
        ),
        (pod({"securityContext": {"readOnlyRootFilesystem": True}}), "[1].securityContext.readOnlyRootFilesystem: Inv"),
        (pod({"readinessProbe": {"grpc": {"port": 1}}}), "spec.containers[1].readinessProbe.grpc is not supported"),
        (pod({"readinessProbe": PROBE | {"tcpSocket": {"port": 1}}}), "spec.containers[1].readinessProbe: a readiness"),
        (pod({"readinessProbe": {}}), "spec.containers[1].readinessProbe: a readinessProbe has exactly one of"),
        (
            pod({"readinessProbe": {"httpGet": {"port": 80, "scheme": "HTTPS"}}}),
            "readinessProbe.httpGet.scheme: Invalid enum value",
        ),
        (pod({"ports": [{"containerPort": 80, "hostPort": 80}]}), "spec.containers[1].ports[0].hostPort is not"),
        (pod({"ports": [{"containerPort": "80"}]}), "spec.containers[1].ports[0].containerPort: Expected `int`"),
        (pod({"args": "x"}), "Pod/web: spec.containers[1].args: Expected `array`, got `str`"),
        (pod({"command": [1]}), "Pod/web: spec.containers[1].command[0]: Expected `str`, got `int`"),
        (pod(initContainers=[{"name": "i"}]), "Pod/web: spec.initContainers[0].image is missing"),
        (pod(hostNetwork=True), "Pod/web: spec.hostNetwork: Invalid enum value True"),
        (pod(restartPolicy="Sometimes"), "Pod/web: spec.restartPolicy: Invalid enum value 'Sometimes'"),
        (pod(volumes=[{"name": "v", "hostPath": {"path": "/"}}]), "Pod/web: spec.volumes[0].hostPath is not supported"),
        (
            pod(volumes=[{"name": "v", "emptyDir": {}, "configMap": {"name": "c"}}]),
            "Pod/web: spec.volumes[0]: a volume is only one of configMap, sec",
        ),
        (
            projected({"serviceAccountToken": {"path": "t"}}),
            "spec.volumes[0].projected.sources[0].serviceAccountToken is not supported by the local engine; remove",
        ),
        (projected({}), "spec.volumes[0].projected.sources[0]: a source is exactly one of configMap, secret, downw"),
        (projected({"configMap": {"name": "C"}}), "spec.volumes[0].projected.sources[0].configMap.name is 'C'; it m"),
        (projected({"secret": {"name": "/"}}), "spec.volumes[0].projected.sources[0].secret.name is '/'; it must"),
        (projected(fields("../n")), "projected.sources[0].downwardAPI.items[0].path is '../n'; it must be a path"),
        (projected(fields("n", fieldPath="spec.x")), "downwardAPI.items[0].fieldRef.fieldPath is 'spec.x'; the local"),
        (projected(fields("n", mode=0o7777)), "downwardAPI.items[0].mode is 4095; a mode is a number from 0 to 0o777"),
        (pod(volumes=[{"name": "v", **fields("a", "a/b")}]), "downwardAPI.items has a as a file and as a folder"),
        (pod(volumes=[{"name": "v", **fields("a", "./a")}]), "downwardAPI.items has /a twice"),
        (pod(volumes=[{"name": "v", "emptyDir": {"medium": "HugePages"}}]), "spec.volumes[0].emptyDir.medium: Invalid"),
        (
            pod(volumes=[{"name": "v", "emptyDir": {"sizeLimit": "-1"}}]),
            "emptyDir.sizeLimit is '-1', which is no quant",
        ),
        (pod() | {"status": {}}, "Pod/web: status is not supported by the local engine; remove the field"),
        (pod() | {"apiVersion": "v2"}, "Pod/web: apiVersion: Invalid enum value 'v2'"),
        (service(type="NodePort"), "Service/web: spec.type: Invalid enum value 'NodePort'"),
        (service(clusterIP="None", selector={}), "Service/web: spec.selector is empty: a Service without one has no"),
        (service(clusterIP="none"), "Service/web: spec: clusterIP 'none' is no IPv4 address: give one, or leave the"),
        (
            pod(initContainers=[{"name": "i", "image": "nginx", "restartPolicy": "Always"}]),
            "Pod/web: spec.initContainers[0].restartPolicy: a sidecar is for a cluster: put it among the containers",
        ),
        (service(publishNotReadyAddresses=True), "Service/web: spec.publishNotReadyAddresses: Invalid enum value True"),
        (service(internalTrafficPolicy="Local"), "Service/web: spec.internalTrafficPolicy: Invalid enum value 'Local'"),
        (service(ipFamilies=["IPv6"]), "Service/web: spec.ipFamilies[0]: Invalid enum value 'IPv6'"),
        (service(clusterIP="10.96.1.9", clusterIPs=["10.96.1.8"]), "spec.clusterIPs must be clusterIP alone: leave"),
        (service(ports=[{"port": 80, "appProtocol": "a b"}]), "spec.ports[0].appProtocol is 'a b'; it must be of"),
        (service(sessionAffinity="ClientIP"), "Service/web: spec.sessionAffinity: Invalid enum value"),
        (service(ports=[{"port": 53, "protocol": "UDP"}]), "Service/web: spec.ports[0].protocol: Invalid enum value"),
        (service(ports=[{"port": 0}]), "Service/web: spec.ports[0].port is 0; a port is a number from 1 to 65535"),
        (service(ports=[{"port": 65536}]), "spec.ports[0].port is 65536; a port is a number from 1 to 65535"),
        (service(ports=[{"port": 80, "targetPort": 70000}]), "spec.ports[0].targetPort is 70000; a port is a number"),
        (service(ports=[{"port": 80, "targetPort": "a b"}]), "spec.ports[0].targetPort is 'a b'; it must be of small"),
        (service(ports=[{"port": 80}, {"port": 81}]), "spec.ports[0].name is empty; it must be of small letters"),
        (
            service(ports=[{"port": 80, "name": "a"}, {"port": 80, "name": "b"}]),
            "Service/web: spec.ports has 80 twice",
        ),
        (service(ports=[{"port": 1, "name": "a"}, {"port": 2, "name": "a"}]), "spec.ports has a twice"),
        (service(ports=[]), "Service/web: spec.ports is empty"),
        (service(selector={}), "Service/web: spec.selector is empty: a Service without one has no endpoints"),
        (service(selector={"a": "b\n"}), r"spec.selector.a is 'b\n'; it must be of letters"),
        (service(clusterIP="127.0.0.1"), "spec.clusterIP is 127.0.0.1, which is no Service's address"),
        (service(clusterIP="10.244.0.2"), "spec.clusterIP is 10.244.0.2, which is no Service's address"),
        (service(clusterIP="10.96.0.10"), "spec.clusterIP is 10.96.0.10, which is no Service's address"),
        (service() | {"metadata": {"name": "1web"}}, "metadata.name is '1web'; it must be of small letters, digits"),
        (named("Pod", "../../x"), "Pod/../../x: metadata.name is '../../x'; it must be of small letters"),
        (named("Pod", "a" * 254), "metadata.name is 'aaa"),
        (named("Pod", "a", "/srv"), "metadata.namespace is '/srv'; it must be of small letters"),
        (named("Pod", "a", "a.b"), "metadata.namespace is 'a.b'; it must be of small letters"),
        (named("Namespace", "a.b"), "Namespace/a.b: metadata.name is 'a.b'; it must be of small letters"),
        (config_map({"/srv/owned": ""}), "data has a key that is '/srv/owned'; it must be of letters"),
        (config_map({"../../x": ""}), "data has a key that is '../../x'; it must be of letters"),
        (config_map({".": ""}), "data has a key that is '.'; it must be of letters"),
        (config_map({"..": ""}), "data has a key that is '..'; it must be of letters"),
        (config_map({"..x": ""}), "data has a key that is '..x'; it must be of letters"),
        (config_map({"a\0": ""}), r"data has a key that is 'a\x00'; it must be of letters"),
        (config_map({"a\n": ""}), r"data has a key that is 'a\n'; it must be of letters"),
        (config_map({"a": "x" * (1 << 20), "b": "x"}), "ConfigMap/c: data is longer than 1048576 bytes"),
        (config_map({"a": "x" * (1 << 20)}, {"b": "AA=="}), "ConfigMap/c: data is longer than 1048576 bytes"),
        (config_map({}, {"a": "A"}), "ConfigMap/c: binaryData.a is no base64"),
        (config_map({}, {"a": "é"}), "ConfigMap/c: binaryData.a is no base64"),
        (config_map({}, {"../x": "AA=="}), "binaryData has a key that is '../x'; it must be of letters"),
        (config_map({"a": ""}, {"a": "AA=="}), "binaryData.a is a key of data, too: leave one of them out"),
        (pod({"name": "../b"}), "spec.containers[1].name is '../b'; it must be of small letters"),
        (pod({"name": "b\n"}), r"spec.containers[1].name is 'b\n'; it must be of small letters"),
        (pod(containers=[]), "Pod/web: spec.containers is empty"),
        (pod(volumes=[volume("../v")]), "spec.volumes[0].name is '../v'; it must be of small letters"),
        (pod(volumes=[volume("/srv")]), "spec.volumes[0].name is '/srv'; it must be of small letters"),
        (pod(volumes=[volume("v"), volume("v")]), "Pod/web: spec.volumes has v twice"),
        (
            pod(volumes=[{"name": "v", "configMap": {"name": "../c"}}]),
            "spec.volumes[0].configMap.name is '../c'; it must be of small letters",
        ),
        (
            pod(volumes=[{"name": "v", "configMap": {"name": "c", "defaultMode": 1 << 33}}]),
            "spec.volumes[0].configMap.defaultMode is 8589934592; a mode is a number from 0 to 0o777",
        ),
        (
            pod(volumes=[{"name": "v", "configMap": {"name": "c", "defaultMode": 0o4755}}]),
            "spec.volumes[0].configMap.defaultMode is 2541; a mode is a number from 0 to 0o777",
        ),
        (
            pod({"volumeMounts": [mount("v")]}),
            "spec.containers[1].volumeMounts[0].mountPath is 'v'; it must be an abs",
        ),
        (pod({"volumeMounts": [mount("/a/../../v")]}), "volumeMounts[0].mountPath is '/a/../../v'; it must be an abso"),
        (pod({"volumeMounts": [mount("/a:/b")]}), "volumeMounts[0].mountPath is '/a:/b'; it must be an absolute path"),
        (pod({"volumeMounts": [mount("/./")]}), "volumeMounts[0].mountPath is '/./': nothing can be mounted there"),
        (pod({"volumeMounts": [mount("/proc/sys")]}), "mountPath is '/proc/sys': nothing can be mounted there"),
        (pod({"volumeMounts": [mount("/v"), mount("/v/")]}), "spec.containers[1].volumeMounts has /v twice"),
        (pod({"volumeMounts": [mount("/v\0")]}), "spec.containers[1].volumeMounts[0].mountPath has a NUL"),
        (pod({"command": ["a\0b"]}), "spec.containers[1].command[0] has a NUL, which ends a text for programs"),
        (pod({"env": [{"name": "A=B"}]}), "spec.containers[1].env[0].name is 'A=B'; it must be of printable ASCII"),
        (pod({"env": [{"name": ""}]}), "spec.containers[1].env[0].name is empty"),
        (pod({"env": [{"name": "A"}, {"name": "A"}]}), "Pod/web: spec.containers[1].env has A twice"),
        (pod({"env": DOUBLING}), "spec.containers[1] has a command, an argument or a variable that is longer than"),
        (pod({"args": ["x" * 100_000] * 11}), "spec.containers[1] has more than 1048576 bytes of command, args and"),
        (pod({"ports": [{"containerPort": 0}]}), "spec.containers[1].ports[0].containerPort is 0; a port is a number"),
        (pod({"ports": [{"containerPort": 1, "name": "1"}]}), "spec.containers[1].ports[0].name is '1'; it must be of"),
        (pod({"ports": [{"containerPort": 1}] * 2}), "Pod/web: spec.containers[1].ports has 1/TCP twice"),
        (pod({"securityContext": {"runAsUser": -1}}), "securityContext.runAsUser is -1; it must be a number from 0"),
        (pod({"securityContext": {"runAsGroup": 1 << 32}}), "securityContext.runAsGroup is 4294967296; it must be a"),
        (
            pod({"securityContext": {"capabilities": {"add": ["NET_ADMIM"]}}}),
            "securityContext.capabilities.add[0] is 'NET_ADMIM', which is no capability",
        ),
        (
            pod({"securityContext": {"capabilities": {"drop": ["CAP_CHOWN"]}}}),
            "securityContext.capabilities.drop[0] is 'CAP_CHOWN', which is no capability: name it as capabilities(7)",
        ),
        (pod({"readinessProbe": {"tcpSocket": {"port": 0}}}), "readinessProbe.tcpSocket.port is 0; a port is a number"),
        (pod({"readinessProbe": {"exec": {"command": []}}}), "readinessProbe.exec.command is empty"),
        (pod({"readinessProbe": PROBE | {"periodSeconds": 0}}), "readinessProbe.periodSeconds is 0; it must be a"),
        (
            pod({"readinessProbe": PROBE | {"timeoutSeconds": 1 << 40}}),
            "readinessProbe.timeoutSeconds is 109951162777",
        ),
        (
            pod({"readinessProbe": {"httpGet": {"port": 80, "path": "/a b"}}}),
            "readinessProbe.httpGet.path is '/a b'; it must begin with /",
        ),
        (pod(hostAliases=[{"ip": "1.2.3.4\n", "hostnames": []}]), r"spec.hostAliases[0].ip is '1.2.3.4\n', which is"),
        (
            pod(hostAliases=[{"ip": "1.2.3.4", "hostnames": ["a\n6.6.6.6 b"]}]),
            r"spec.hostAliases[0].hostnames[0] is 'a\n6.6.6.6 b'; it must be of small letters",
        ),
        (pod(terminationGracePeriodSeconds=-1), "Pod/web: spec.terminationGracePeriodSeconds is -1; it must be"),
        (
            {"kind": "DaemonSet", "metadata": {"name": "web"}},
            "DaemonSet/web: the local engine takes the kinds Namesp",
        ),
        ({"apiVersion": "v1"}, "None/(unnamed): the local engine takes the kinds Namespace, ConfigMap, Secret, S"),
    ],
)
def test_refused_by_its_path(document: dict[str, Any], told: str) -> None:
    with pytest.raises(BadInputError) as caught:
        parsing.parse(document)

    assert told in str(caught.value)


@pytest.mark.parametrize(
    ("document", "label", "keys"),
    [
        (pod({"command": [1]}), "Pod/default/web", ("spec", "containers", 1, "command", 0)),
        (pod({"tty": True}), "Pod/default/web", ("spec", "containers", 1, "tty")),
        (pod() | {"metadata": {"name": "web", "namespace": "two"}, "status": 1}, "Pod/two/web", ("status",)),
        (pod(initContainers=[{"name": "i"}]), "Pod/default/web", ("spec", "initContainers", 0)),
        ({"kind": "Namespace", "apiVersion": "v1", "metadata": {"name": "n"}, "spec": 1}, "Namespace/n", ("spec",)),
        ({"kind": ["Pod"], "metadata": "x"}, "['Pod']/default/(unnamed)", ("kind",)),
        (replica({"tty": True}), "Deployment/default/a-web", ("spec", "template", "spec", "containers", 1, "tty")),
    ],
)
def test_a_refusal_knows_its_place(document: dict[str, Any], label: str, keys: tuple[str | int, ...]) -> None:
    with pytest.raises(parsing.RefusedError) as caught:
        parsing.parse(document)

    assert (caught.value.label, caught.value.keys) == (label, keys)


def test_a_service_account_is_taken_and_told() -> None:
    account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "a"}}
    parsing.parse({**account, "automountServiceAccountToken": False, "imagePullSecrets": [{"name": "s"}]})
    assert without_effect.fields([account]) == ["ServiceAccount"]
    with pytest.raises(parsing.RefusedError, match=r"ServiceAccount/a: spec is not supported"):
        parsing.parse({**account, "spec": {}})


def test_what_means_nothing_here_is_taken_and_told() -> None:
    harmless = {
        "serviceAccountName": "app",
        "nodeSelector": {"kubernetes.io/os": "linux"},
        "tolerations": [{"key": "a", "operator": "Exists", "tolerationSeconds": 5}],
        "affinity": {"podAntiAffinity": {}},
        "topologySpreadConstraints": [{"maxSkew": 1}],
        "imagePullSecrets": [{"name": "registry"}],
        "priorityClassName": "high",
        "priority": 0,
        "preemptionPolicy": "PreemptLowerPriority",
        "serviceAccount": "app",
        "os": {"name": "linux"},
        "automountServiceAccountToken": False,
        "securityContext": {"seccompProfile": {"type": "RuntimeDefault"}, "runAsNonRoot": True, "runAsUser": 5},
    }
    resources = {"limits": {"cpu": "100m", "memory": "1.5Gi"}, "requests": {"cpu": 0.1, "memory": "1e6"}}
    document = pod({"resources": resources}, **harmless)
    parsed = parsing.parse(document)
    assert isinstance(parsed, Pod)
    assert [each.security_context.uid for each in parsed.spec.containers] == [5, 5]
    assert sorted(without_effect.fields([document])) == sorted(
        [*(each for each in harmless if each != "securityContext"), "resources", "seccompProfile"]
    )
    assert without_effect.fields([pod(), config_map({})]) == []


@pytest.mark.parametrize(
    ("document", "told"),
    [
        (config_map({}) | {"immutable": True}, ["immutable"]),
        (secret(immutable=True), ["immutable"]),
        (service(ports=[{"port": 80, "appProtocol": "kubernetes.io/h2c"}]), ["appProtocol"]),
        (pod(volumes=[{"name": "v", "emptyDir": {"medium": "Memory", "sizeLimit": "1Gi"}}]), ["medium", "sizeLimit"]),
        (
            pod({"securityContext": {"appArmorProfile": {"type": "Unconfined"}, "seLinuxOptions": {"level": "s0"}}}),
            ["appArmorProfile", "seLinuxOptions"],
        ),
        # What is so here in any case need not be told.
        (
            service(
                clusterIP="10.96.1.9",
                clusterIPs=["10.96.1.9"],
                ipFamilies=["IPv4"],
                ipFamilyPolicy="SingleStack",
                internalTrafficPolicy="Cluster",
                publishNotReadyAddresses=False,
            ),
            [],
        ),
        (
            pod(
                {"securityContext": {"readOnlyRootFilesystem": False}}, hostNetwork=False, hostPID=False, hostIPC=False
            ),
            [],
        ),
        (pod(shareProcessNamespace=False), []),
        (service(clusterIP="None", clusterIPs=["None"], ports=[]), []),
        (named("Namespace", "n") | {"spec": {"finalizers": ["kubernetes"]}}, []),
    ],
)
def test_what_kubectl_writes_of_real_objects_is_taken(document: dict[str, Any], told: list[str]) -> None:
    parsing.parse(document)
    assert without_effect.fields([document]) == told


def test_what_is_null_is_not_written_and_defaults_may_be() -> None:
    document = pod(
        {
            "args": None,
            "env": None,
            "readinessProbe": {"httpGet": {"port": 80, "scheme": "HTTP"}},
            "volumeMounts": [{"name": "v", "mountPath": "/v", "mountPropagation": "None"}],
        },
        volumes=[{"name": "v", "emptyDir": None}],
    )
    document["metadata"] |= {"labels": None, "creationTimestamp": None}
    parsed = parsing.parse(document)
    assert isinstance(parsed, Pod)
    assert (parsed.spec.containers[1].args, parsed.metadata.labels) == ([], {})
    assert parsed.spec.volumes[0].empty_dir is not None
    parsing.parse(service(sessionAffinity="None"))
    with pytest.raises(parsing.RefusedError, match="data"):
        parsing.parse(config_map({}) | {"data": {"a": None}})
