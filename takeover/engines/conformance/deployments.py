"""What every engine must do, whatever it runs on: commands, logs, volumes, restarts, and what does not come up."""

import operator
import re
import shlex
import shutil
import subprocess

import pytest
import yaml
from tenacity import Retrying, retry_if_result, stop_after_delay, wait_fixed

from takeover.base.errors import BadInputError, DeploymentError, TakeoverError
from takeover.engines.conformance.contract import single, workshop_scenario
from takeover.engines.conformance.restarts import Restarts, end
from takeover.engines.contract import Container, Deployment, Engine
from takeover.engines.images import ENVOY, NGINX, role_of
from takeover.model.release import Release
from takeover.scenario.edits import Edit, add, replace

_MIB = 1 << 20
_NET_ADMIN, _CHOWN, _SYS_ADMIN = 12, 0, 21  # capabilities(7)
_MAIN, _BEFORE = "$.spec.containers[0]", "$.spec.initContainers[0]"
_WORDS = ["sh", "-c", "echo first; echo last words >&2; exit 7"]
_NEVER = {"tcpSocket": {"port": 9}}
_NOT_YET = {"exec": {"command": ["sh", "-c", "echo not yet; exit 5"]}}


def _shell(container: Container, script: str) -> str:
    result = container.exec(["sh", "-c", script])
    assert result.exit_code == 0, result.stderr
    return result.stdout.decode()


def _never_ready(command: list[str]) -> list[Edit]:
    """A container that runs this, and may not be Ready for the moment before it ends."""
    return [replace("Pod/app", f"{_MAIN}.command", command), replace("Pod/app", f"{_MAIN}.readinessProbe", _NOT_YET)]


class DeploymentContract(Restarts):
    """Commands, logs, users, volumes, restarts, and how a deployment fails.

    See `takeover.engines.conformance` for what they need.
    """

    @pytest.mark.parametrize(
        ("script", "code"), [("exit 0", 0), ("exit 3", 3), ("kill -KILL $$", 137), ("kill -TERM $$", 143)]
    )
    def test_a_commands_exit_code(self, main: Container, script: str, code: int) -> None:
        assert main.exec(["sh", "-c", script]).exit_code == code

    def test_stdout_and_stderr_stay_apart_and_come_byte_for_byte(self, main: Container) -> None:
        result = main.exec(["sh", "-c", r"printf 'a\0\377\r\n'; printf '\376b' >&2"])

        assert (result.stdout, result.stderr) == (b"a\0\xff\r\n", b"\xfeb")

    @pytest.mark.parametrize(
        "data", [b"", b"no line", bytes(range(256)) * 4 * 1024 * 10], ids=["none", "some", "10 MiB"]
    )
    def test_stdin_goes_in_and_output_comes_out_whole(self, main: Container, data: bytes) -> None:
        assert main.exec(["cat"], stdin=data).stdout == data

    def test_a_command_need_not_read_its_stdin(self, main: Container) -> None:
        assert main.exec(["true"], stdin=b"x" * _MIB).exit_code == 0

    def test_a_command_that_takes_too_long_is_ended(self, main: Container) -> None:
        # Its child too: it would hold the output open.
        with pytest.raises(TimeoutError, match=r"0\.5 s"):
            main.exec(["sh", "-c", "sleep 4321; true"], timeout=0.5)

        def processes() -> str:
            return _shell(main, "cat /proc/[0-9]*/cmdline | tr '\\0' ' '")

        # Whoever waits is told when the time is up, and no later: the end itself is for the kernel to make.
        is_there = retry_if_result(lambda found: "sleep 4321" in found)
        Retrying(retry=is_there, stop=stop_after_delay(60), wait=wait_fixed(0.05))(processes)

    def test_a_command_that_leaves_something_behind_is_not_waited_for(self, main: Container) -> None:
        assert main.exec(["sh", "-c", "sleep 60 >&- 2>&- <&- & echo done"], timeout=30.0).stdout == b"done\n"

    def test_logs_hold_both_streams_and_replace_what_is_no_text(self, main: Container) -> None:
        assert sorted(main.logs().splitlines()[:3]) == ["not UTF-8: \ufffd", "to stderr", "to stdout"]

    def test_followed_logs_grow_to_all_that_was_written(self, main: Container) -> None:
        looks = [main.followed_logs()]
        _shell(main, "for n in $(seq 500); do echo followed $n; done > /proc/1/fd/1")

        def is_whole() -> bool:
            looks.append(main.followed_logs())
            return "followed 500\n" in looks[-1]

        Retrying(retry=retry_if_result(lambda whole: not whole), stop=stop_after_delay(60))(is_whole)
        assert [len(each) for each in looks] == sorted(len(each) for each in looks)
        assert looks[-1] == main.logs()

    def test_the_environment_is_as_written(self, main: Container) -> None:
        assert _shell(main, 'printf \'%s|%s\' "$WITH_BLANKS" "${EMPTY-unset}"') == " a  b |"

    @pytest.mark.parametrize(
        ("name", "uid", "gid", "has", "lacks"),
        [
            ("main", 0, 1339, [_NET_ADMIN], [_CHOWN, _SYS_ADMIN]),
            ("user", 1337, 1338, [], [_NET_ADMIN, _CHOWN, _SYS_ADMIN]),
        ],
    )
    def test_user_group_and_capabilities_are_as_asked(
        self, workshop: Deployment, name: str, uid: int, gid: int, has: list[int], lacks: list[int]
    ) -> None:
        status = _shell(workshop.pod("tools").container(name), "cat /proc/self/status")
        fields = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
        effective = int(fields["CapEff"], 16)

        assert fields["Uid"].split() == [str(uid)] * 4
        assert fields["Gid"].split() == [str(gid)] * 4
        assert {"1340", "1341"} <= set(fields["Groups"].split())
        assert [each for each in (*has, *lacks) if effective >> each & 1] == has

    @pytest.mark.parametrize("name", ["main", "user"])
    def test_a_person_enters_as_the_containers_user(self, workshop: Deployment, name: str) -> None:
        tools = workshop.pod("tools")
        asked, way = "id -u; id -g; readlink /proc/self/ns/net; hostname", tools.how_to_enter(name)
        if shutil.which(shlex.split(way)[0]) is None:
            pytest.skip(f"a person would need {shlex.split(way)[0]}")
        typed = ["sh", "-c", f"{way} -c {shlex.quote(asked)}"]
        entered = subprocess.run(typed, check=False, capture_output=True, stdin=subprocess.DEVNULL, timeout=60)
        assert entered.returncode == 0, entered.stderr
        assert entered.stdout.decode() == _shell(tools.container(name), asked)

    def test_the_kernels_settings_are_a_pods_own(self, workshop: Deployment, main: Container) -> None:
        script = "cd /proc/sys/net/ipv4; echo $(cat ip_local_port_range tcp_keepalive_time)"
        assert _shell(main, script) == "40000 40999 70\n"
        assert _shell(workshop.pod("one/app-a").container("web"), script) != "40000 40999 70\n"

    def test_a_config_maps_file_has_its_text_and_mode_and_cannot_be_written(self, main: Container) -> None:
        assert _shell(main, "cat /etc/settings/greeting; stat -L -c %a /etc/settings/greeting") == "good morning\n440\n"
        assert main.exec(["sh", "-c", ">/etc/settings/greeting"]).exit_code != 0

    def test_a_config_maps_binary_file_is_what_it_was_byte_for_byte(self, main: Container) -> None:
        assert _shell(main, "od -An -v -tx1 /etc/settings/bytes") == " 00 61 73 6d ff 0a\n"

    def test_a_secrets_files_are_where_its_items_say_with_their_modes(self, main: Container) -> None:
        script = "cd /etc/credentials; cat deep/password user; od -An -v -tx1 bytes; stat -L -c %a deep/password"
        assert _shell(main, script) == "sesameali-baba ff 00\n440\n"  # 0400, and the Pod's fsGroup may read it
        assert main.exec(["sh", "-c", ">/etc/credentials/user"]).exit_code != 0

    def test_variables_are_from_secrets_config_maps_and_the_pod(self, workshop: Deployment, main: Container) -> None:
        script = 'echo "$PASSWORD|$GREETING|${NOT_THERE-unset}|$POD_NAME|$POD_APP|$POD_IP|$FROM_OTHERS"'
        ip = workshop.pod("tools").ip
        assert _shell(main, script) == (f"sesame|good morning\n|unset|tools|tools|{ip}|sesame at {ip} good morning\n\n")

    def test_references_are_in_what_is_written_and_in_nothing_else(self, main: Container) -> None:
        assert _shell(main, 'echo "$OF_price"') == "5$$ $(PASSWORD)\n"

    def test_a_volume_below_another_is_there_whichever_is_written_first(self, workshop: Deployment) -> None:
        user = workshop.pod("tools").container("user")
        assert _shell(user, "cat /nest/greeting /nest/below/user") == "good morning\nali-baba"

    def test_parts_of_volumes_a_folder_to_work_in_and_the_pods_group(self, workshop: Deployment) -> None:
        user = workshop.pod("tools").container("user")
        script = "pwd; cat /etc/one-file; echo part >/part/file; cat /work/deep/part/file; stat -c %g /part /work"
        assert _shell(user, script) == "/usr/share\ngood morning\npart\n1341\n1341\n"
        assert user.exec(["sh", "-c", ">/etc/one-file"]).exit_code != 0

    def test_init_containers_ran_in_order_and_share_volumes_with_the_others(self, workshop: Deployment) -> None:
        tools = workshop.pod("tools")

        _shell(tools.container("user"), "echo user >/work/by-user")
        assert _shell(tools.container("main"), "cat /work/order /work/by-user") == "first\nsecond\nuser\n"

    def test_a_container_without_command_runs_its_images_own(self, workshop: Deployment) -> None:
        tools = workshop.pod("tools")

        assert _shell(tools.container("envoyproxy"), "tr '\\0' ' ' </proc/1/cmdline").startswith("envoy -c /etc/envoy/")
        assert "nginx -c /etc/web/nginx.conf" in _shell(tools.container("web"), "tr '\\0' ' ' </proc/1/cmdline")

    def test_the_containers_of_a_pod_are_those_that_run_in_order(self, workshop: Deployment) -> None:
        containers = workshop.pod("tools").containers
        assert list(containers) == ["main", "user", "envoyproxy", "web"]
        assert [role.name for each in containers.values() if (role := role_of(each.image))][-2:] == [ENVOY, NGINX]

    def test_unknown_names_are_told_with_those_that_exist(self, workshop: Deployment) -> None:
        with pytest.raises(BadInputError, match=r"nobody.*tools.*one/app-a"):
            workshop.pod("nobody")
        with pytest.raises(BadInputError, match=r"nothing.*main.*user"):
            workshop.pod("tools").container("nothing")
        for of_service in (workshop.service_ip, workshop.host_name):
            with pytest.raises(BadInputError, match=r"nowhere.*one/app.*two/app"):
                of_service("nowhere")

    def test_a_container_that_does_not_run_takes_no_command(self, engine: Engine, envoy: Release) -> None:
        trapping = ["sh", "-c", "trap 'exit 0' TERM; echo here; sleep infinity & wait"]
        deployment = engine.deploy(single([replace("Pod/app", f"{_MAIN}.command", trapping)]), envoy)
        try:
            main = deployment.pod("app").container("main")
            end(main)

            def is_told() -> bool:
                try:
                    main.exec(["true"])
                except TakeoverError as error:
                    return "main" in str(error)
                return False

            Retrying(retry=retry_if_result(lambda told: not told), stop=stop_after_delay(60))(is_told)
            assert main.logs() == "here\n"
        finally:
            deployment.delete()

    def test_a_restarted_pod_is_new_and_has_the_new_config_map(self, engine: Engine, envoy: Release) -> None:
        scenario = workshop_scenario()
        deployment = engine.deploy(scenario, envoy)
        try:
            main, config_id = deployment.pod("tools").container("main"), deployment.config_id
            _shell(main, "touch /before")
            other = scenario.edited([replace("ConfigMap/settings", "$.data.greeting", "good evening\n")])
            deployment.replace_config_map(other)
            deployment.pod("tools").restart()

            main = deployment.pod("tools").container("main")
            assert _shell(main, "cat /etc/settings/greeting; ls /before 2>&1 || true").startswith("good evening\nls:")
            assert deployment.config_id != config_id
            config = _shell(deployment.pod("tools").container("envoyproxy"), "cat /etc/envoy/envoy.yaml")
            assert yaml.safe_load(config)["node"]["id"] == deployment.config_id
            stream = deployment.pod("one/app-a").container("web").connect(deployment.pod("tools").ip, 8080)
            stream.close()
        finally:
            deployment.delete()

    @pytest.mark.parametrize(
        ("edits", "told"),
        [
            (_never_ready(_WORDS), ["app", "main", "last words", "7"]),
            ([replace("Pod/app", f"{_BEFORE}.command", _WORDS)], ["app", "before", "last words", "7"]),
            ([replace("Pod/app", f"{_MAIN}.command", ["no-such-program"])], ["app", "main", "no-such-program"]),
            ([replace("Pod/app", f"{_MAIN}.readinessProbe", _NEVER)], ["app", "main", "refused"]),
            ([replace("Pod/app", f"{_MAIN}.readinessProbe", _NOT_YET)], ["app", "main", "not yet"]),
            (
                [replace("Pod/app", "$.spec.restartPolicy", "Always"), *_never_ready(_WORDS)],
                ["app", "main", "last words", "7"],
            ),
        ],
        ids=[
            "container exits",
            "init container fails",
            "no program",
            "no port",
            "probe fails",
            "exits again and again",
        ],
    )
    def test_what_does_not_come_up_is_told_in_one_line(
        self,
        impatient_engine: Engine,
        envoy: Release,
        edits: list[Edit],
        told: list[str],
    ) -> None:
        with pytest.raises(DeploymentError) as caught:
            impatient_engine.deploy(single(edits), envoy)

        message = str(caught.value)
        assert [word for word in ("single", *told) if not re.search(rf"\b{word}\b", message)] == []
        assert "\n" not in message
        assert any("before" in text or "first" in text for text in caught.value.details.values())

    def test_variables_are_put_into_commands_and_into_each_other(self, engine: Engine, envoy: Release) -> None:
        env = [{"name": "A", "value": "a"}, {"name": "B", "value": "$(A)b"}, {"name": "C", "value": "$$(A)$(NONE)"}]
        script = "echo $(A) $(B) '$(NONE)' '$$(A)' \"$C\" \"$0\"; exec sleep 600"
        edits = [
            add("Pod/app", _MAIN, "env", env),
            replace("Pod/app", f"{_MAIN}.command", ["sh", "-c", script]),
            add("Pod/app", _MAIN, "args", ["$(B)"]),
        ]
        deployment = engine.deploy(single(edits), envoy)
        try:
            container = deployment.pod("app").container("main")
            waiting = Retrying(retry=retry_if_result(operator.not_), stop=stop_after_delay(60), wait=wait_fixed(0.05))
            assert waiting(container.logs) == "a ab $(NONE) $(A) $(A)$(NONE) ab\n"
        finally:
            deployment.delete()

    def test_a_deployment_that_is_deleted_twice_is_gone(self, engine: Engine, envoy: Release) -> None:
        deployment = engine.deploy(single([add("Pod/app", _MAIN, "env", [{"name": "A", "value": "b"}])]), envoy)
        container = deployment.pod("app").container("main")

        deployment.delete()
        deployment.delete()

        with pytest.raises(TakeoverError):
            container.exec(["true"])
