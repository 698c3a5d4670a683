"""One command for several hosts of a service: all are asked at once, and each has its say."""

from __future__ import annotations

import contextlib
import json
import shlex
import shutil
import signal
import socket
import threading
import time
from typing import TYPE_CHECKING

import pytest
from tests.cli.conftest import AUDIENCE, PATIENCE_S, Service, both_parts, pasted

from sealwire.cli.service_part import host_name
from sealwire.framing import MAX_FRAME_BYTES, FrameReader, encode_frame
from sealwire.keyfiles import new_signing_key, write_key_file
from sealwire.transports.client import exchange

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.cli.conftest import Ended, Shell

DEBUG = "DEBUG payments.db at debug: "


class Hosts:
    """Services of one audience, each with an address, a state and perhaps a key of its own."""

    def __init__(self, shell: Shell, count: int) -> None:
        """Start ``count`` of them; the operator's settings name their addresses."""
        self.shell = shell
        self.lines = pasted(both_parts(shell))
        self.made = shell.folder / "made"
        self.addresses = [f"unix:{self.made}/run/{number}.sock" for number in range(count)]
        self.operator = self.made / "operator" / "operator.toml"
        for number in range(count):
            shutil.copytree(self.made / "state", self.made / f"state-{number}")
            self._settings_of(number).write_text(self._written(number))
        self._put("address", json.dumps(self.addresses))
        self.running = [self.start(number) for number in range(count)]

    def start(self, number: int) -> Service:
        """Start one of them."""
        file = str(self.made / "service.toml")
        return Service(self.shell, self.lines.replace(file, str(self._settings_of(number))))

    def _settings_of(self, number: int) -> Path:
        return self.made / f"service-{number}.toml"

    def _written(self, number: int) -> str:
        text = (self.made / "service.toml").read_text()
        text = text.partition("[policy]")[0]
        lines = [line for line in text.splitlines() if not line.startswith(("address", "state"))]
        state = f'state = "state-{number}"'
        lines[1:1] = [f'address = "{self.addresses[number]}"', state]
        return "\n".join(lines) + "\n"

    def again(self, number: int, change: Callable[[str], str]) -> None:
        """Change a host's settings, and start it anew."""
        file = self._settings_of(number)
        before = file.read_text()
        file.write_text(change(before))
        assert before != file.read_text()
        self.running[number].end()
        self.running[number] = self.start(number)

    @contextlib.contextmanager
    def hanging(self, number: int) -> Iterator[None]:
        """Stop one of them for a while."""
        process = self.running[number].process
        process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            process.send_signal(signal.SIGCONT)

    def allow(self, number: int, *verbs: str) -> None:
        """Let a host take these requests alone."""
        policy = self.made / f"policy-{number}.toml"
        policy.write_text(f'[roles.all]\nissuers = ["*"]\nverbs = {json.dumps(verbs)}\n')
        self.again(number, lambda text: f'{text}[policy]\nfile = "{policy.name}"\n')

    def _put(self, name: str, value: str) -> None:
        lines = self.operator.read_text().splitlines(keepends=True)
        (place,) = [at for at, line in enumerate(lines) if line.startswith(f"{name} =")]
        lines[place] = f"{name} = {value}\n"
        self.operator.write_text("".join(lines))

    def say(self, line: str) -> None:
        """Add a line to what the operator's settings say of the service."""
        with self.operator.open("a") as file:
            file.write(f"{line}\n")

    def name(self, *numbers: int) -> None:
        """Let the operator's settings name these alone."""
        self._put("address", json.dumps([self.addresses[number] for number in numbers]))

    def until_in_force(self, number: int, request_id: str) -> None:
        """Wait until a configuration is in force at a host."""
        for _ in range(100):
            said = self.shell.done("status", "--json", "--address", self.addresses[number])
            if json.loads(said)["report"]["base"]["id"] == request_id:
                return
        raise AssertionError("it never was")

    def debugs(self, word: str) -> list[bool]:
        """Let each log, and say which of them write what is at DEBUG."""
        return [f"{DEBUG}{word}" in each.logs(word) for each in self.running]

    def end(self) -> None:
        """End them all."""
        for each in self.running:
            each.end()


class Copying:
    """Whoever is in between: gives the receipt that a host gave to the same message before."""

    def __init__(self, host: str, address: str) -> None:
        """Stand at ``address``, and ask ``host`` what it said."""
        self.address, self._host = address, host
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.bind(address.removeprefix("unix:"))
        self._socket.listen()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        connection, _ = self._socket.accept()
        with connection:
            reader = FrameReader(MAX_FRAME_BYTES)
            while (frame := reader.next_event()) is None:
                reader.receive_data(connection.recv(reader.wanted))
            connection.sendall(encode_frame(exchange(self._host, frame.payload)))

    def end(self) -> None:
        """Go."""
        self._thread.join(PATIENCE_S)
        self._socket.close()


@pytest.fixture
def hosts(shell: Shell) -> Iterator[Hosts]:
    """Give three hosts of one service."""
    there = Hosts(shell, 3)
    yield there
    there.end()


def rows(ended: Ended) -> list[dict[str, object]]:
    """Give what ``--json`` says of each host."""
    said = json.loads(ended.stdout)
    assert ["hosts"] == list(said)
    found: list[dict[str, object]] = said["hosts"]
    return found


def test_one_lease_changes_every_host_and_one_id_ends_it(shell: Shell, hosts: Hosts) -> None:
    """Each host has a line; what all of them say is printed once, the way back among it."""
    said = shell.done("lease", "payments.db=DEBUG", "--for", "5m")
    lines = said.splitlines()
    verified = f"receipt verified ({host_name()})"
    expected = [f"in force, as {AUDIENCE} at {each} says; {verified}" for each in hosts.addresses]
    assert expected == lines[:3]
    assert "in force at 3 of 3 hosts" == lines[-1]
    assert said.count("payments.db is DEBUG, was INFO") == 1
    assert [True] * 3 == hosts.debugs("meanwhile")

    (back,) = [line.split() for line in lines if "sealwire revert" in line]
    assert "reverted at 3 of 3 hosts\n" in shell.done(*back[1:])
    assert [False] * 3 == hosts.debugs("later")


def test_each_hosts_receipt_is_kept(shell: Shell, hosts: Hosts) -> None:
    """They answer one request, and none takes another's place."""
    shell.done("lease", "payments.db=DEBUG", "--for", "5m")
    kept = [each.name for each in (hosts.operator.parent / "receipts").glob("*.json")]
    assert 3 == len(kept)
    assert 3 == len(shell.done("receipts", "list").splitlines())
    for name in kept:
        said = shell.done("receipts", "verify", name.removesuffix(".json"))
        assert said.startswith("verified"), said


def test_what_hosts_say_otherwise_is_told_with_whose_it_is(shell: Shell, hosts: Hosts) -> None:
    """A level that was another one before on one of them."""
    first, *others = hosts.addresses
    shell.done("lease", "payments.db=15", "--for", "5m", "--address", first)
    said = shell.done("lease", "payments.db=DEBUG", "--for", "5m").splitlines()
    at = said.index(f"at {first}:")
    assert "payments.db is DEBUG, was 15" in said[at:]
    assert f"at {', '.join(others)}:" in said


def test_a_host_that_is_gone_holds_up_nobody(shell: Shell, hosts: Hosts) -> None:
    """Done in part; the error names who did not do it."""
    hosts.running[1].end()
    ended = shell.run("lease", "payments.db=DEBUG", "--for", "5m", "--json")
    assert 5 == ended.status
    assert ended.error == f"not in force at 1 of 3 hosts: {hosts.addresses[1]}"
    assert [0, 3, 0] == [row["status"] for row in rows(ended)]
    assert ["applied", None, "applied"] == [row["outcome"] for row in rows(ended)]
    assert len({row["request_id"] for row in rows(ended) if row["outcome"]}) == 1
    assert "nothing was sent" in str(rows(ended)[1]["error"])
    assert f"{DEBUG}now" in hosts.running[0].logs("now")


def test_a_host_that_hangs_can_be_sent_the_same_message_again(shell: Shell, hosts: Hosts) -> None:
    """To it alone; it is kept until then."""
    with hosts.hanging(2):
        ended = shell.run("lease", "payments.db=DEBUG", "--for", "5m", "--timeout", "1s")
    assert 5 == ended.status
    assert "in force at 2 of 3 hosts" in ended.stdout
    again = ended.hint.rpartition(": ")[2].split()
    assert ["sealwire", "send"] == again[:2]
    assert ["--address", hosts.addresses[2]] == again[3:]
    shell.done(*again[1:])
    assert [True] * 3 == hosts.debugs("meanwhile")


def test_every_host_refuses_alike(shell: Shell, hosts: Hosts) -> None:
    """Then the exit status is that of one."""
    ended = shell.run("lease", "payments.db=DEBUG", "--for", "30h")
    assert 1 == ended.status
    assert 3 == ended.stdout.count("refused by")
    assert "in force at 0 of 3 hosts" in ended.stdout


def test_hosts_without_memory_have_an_id_each(shell: Shell, hosts: Hosts) -> None:
    """Each wants its own challenge, so each is sealed for; the ways back say for which host."""
    for number in range(2):
        hosts.again(number, lambda text, it=number: text.replace(f"state-{it}", "ephemeral"))  # type: ignore[misc]
    said = shell.done("lease", "payments.db=DEBUG", "--for", "5m").splitlines()
    assert "in force at 3 of 3 hosts" == said[-1]
    backs = [line.split() for line in said if "sealwire revert" in line]
    assert 3 == len({back[2] for back in backs})
    for back in backs:
        assert "reverted at 1 of 1 host; 2 passed over" == shell.done(*back[1:]).splitlines()[-1]
    assert [False] * 3 == hosts.debugs("later")


# ---- a configuration ----------------------------------------------------------------------------


def test_a_configuration_is_applied_everywhere(shell: Shell, hosts: Hosts) -> None:
    """And can be taken back everywhere by the command on the screen."""
    said = shell.done("apply", "debug.json", "--why", "CHG-1")
    assert "applied at 3 of 3 hosts" == said.splitlines()[-1]
    assert [True] * 3 == hosts.debugs("meanwhile")
    (back,) = [
        line.partition("back: ")[2].split() for line in said.splitlines() if "back: " in line
    ]
    shell.done(*back[1:])
    assert [False] * 3 == hosts.debugs("later")


def test_where_one_refuses_it_is_taken_back_in_the_others(shell: Shell, hosts: Hosts) -> None:
    """Nothing stands in a part of them."""
    hosts.allow(1, "lease", "revert", "status")
    ended = shell.run("apply", "debug.json")
    assert 1 == ended.status
    assert ended.error == (
        f"not applied at 1 of 3 hosts: {hosts.addresses[1]}, so it was taken back where it was done"
    )
    assert "taken back at 2 of 2" == ended.stdout.splitlines()[-1]
    assert [False] * 3 == hosts.debugs("later")
    # What is told of the last request is what somebody asked, and not the way back.
    assert "apply" in shell.run("why").stdout


def test_where_one_is_gone_it_is_taken_back_in_the_others(shell: Shell, hosts: Hosts) -> None:
    """A host that comes back would be the only one without it."""
    hosts.running[0].end()
    ended = shell.run("apply", "debug.json", "--json")
    assert 1 == ended.status
    assert [None, True, True] == [row.get("taken_back") for row in rows(ended)]
    assert f"{DEBUG}later" not in hosts.running[1].logs("later")


def test_it_stands_in_a_part_where_that_is_said(shell: Shell, hosts: Hosts) -> None:
    """The exit status still says that it is a part."""
    hosts.allow(1, "lease", "revert", "status")
    ended = shell.run("apply", "debug.json", "--keep-partial")
    assert 5 == ended.status
    assert "applied at 2 of 3 hosts" == ended.stdout.splitlines()[-1]
    assert [True, False, True] == hosts.debugs("meanwhile")


def test_where_it_cannot_be_taken_back_that_is_said(shell: Shell, hosts: Hosts) -> None:
    """With the command that does it, once somebody may."""
    hosts.allow(1, "lease", "revert", "status")
    hosts.allow(2, "apply", "status")
    ended = shell.run("apply", "debug.json")
    assert 5 == ended.status
    stands = f"{hosts.addresses[1]}, and it could not be taken back at {hosts.addresses[2]}: "
    assert stands in ended.error
    assert "sealwire revert " in ended.hint
    assert "taken back at 1 of 2" == ended.stdout.splitlines()[-1]
    assert [False, False, True] == hosts.debugs("later")


def test_where_one_may_have_done_it_the_way_back_is_told(shell: Shell, hosts: Hosts) -> None:
    """And its message is kept no longer: sent again, it would bring what was taken back."""
    with hosts.hanging(1):
        ended = shell.run("apply", "debug.json", "--timeout", "1s")
    assert 4 == ended.status
    assert "so it was taken back where it was done" in ended.error
    assert "taken back at 2 of 2" == ended.stdout.splitlines()[-1]
    assert [] == list((hosts.operator.parent / "unanswered").iterdir())
    assert f"sealwire status --address {hosts.addresses[1]}" in ended.hint
    # What hung had it in its queue, and does it when it goes on, sooner or later.
    back = ended.hint.partition("sealwire revert ")[2].split()
    assert ["--address", hosts.addresses[1]] == back[1:]
    hosts.until_in_force(1, back[0])
    assert [False, True, False] == hosts.debugs("meanwhile")
    shell.done("revert", *back)
    assert [False] * 3 == hosts.debugs("later")


def test_a_host_that_is_not_meant_takes_nothing_back(shell: Shell, hosts: Hosts) -> None:
    """``--only`` means what is on one of them, and the others say so."""
    hosts.again(1, lambda text: f'instance = "b"\n{text}')
    ended = shell.run("apply", "debug.json", "--only", "b/*")
    assert 0 == ended.status
    assert "applied at 1 of 1 host; 2 passed over" == ended.stdout.splitlines()[-1]
    assert [False, True, False] == hosts.debugs("meanwhile")
    nobody = shell.run("apply", "debug.json", "--only", "c/*")
    assert 1 == nobody.status
    assert "applied at 0 of 3 hosts" in nobody.stdout


def test_who_does_not_wait_is_told_what_was_done(shell: Shell, hosts: Hosts) -> None:
    """And how it is taken back, also where no answer is."""
    with hosts.hanging(1):
        process = shell.start("apply", "debug.json", "--timeout", "20s")
        hosts.running[0].until("applied")
        time.sleep(0.5)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=PATIENCE_S)
    assert 130 == process.returncode
    assert b"applied at 2 of 3 hosts" in out
    assert f"interrupted: not applied at 1 of 3 hosts: {hosts.addresses[1]}" in err.decode()
    assert b"to take it back: sealwire revert " in err
    assert "interrupted" in shell.run("why").stdout


def test_a_dry_run_asks_all_and_takes_nothing_back(shell: Shell, hosts: Hosts) -> None:
    """What one refuses, the others may allow."""
    hosts.allow(1, "lease", "revert", "status")
    ended = shell.run("apply", "debug.json", "--dry-run")
    assert 5 == ended.status
    assert "taken back" not in ended.stdout


def test_a_configuration_that_is_sent_goes_to_all(shell: Shell, hosts: Hosts) -> None:
    """As it is, sealed before, and with the same message to each."""
    assert "applied at 3 of 3 hosts" in shell.done("send", "debug.json")
    shell.done("seal", "debug.json", "-o", "debug.sealed")
    assert "applied at 3 of 3 hosts" in shell.done("send", "debug.sealed")
    again = shell.done("send", "debug.sealed")
    assert 3 == again.count("had been applied before")
    assert "applied at 3 of 3 hosts" in again


def test_where_some_have_gone_back_already_the_others_can_be_asked_alone(
    shell: Shell, hosts: Hosts
) -> None:
    """Typed once more as it was, the command would go back once more elsewhere."""
    info = b'{"version": 1, "incremental": true, "root": {"level": "INFO"}}'
    shell.done("apply", "-", given=info)
    shell.done("apply", "debug.json")
    hosts.running[2].end()
    ended = shell.run("revert", "--base", "--why", "CHG 2")
    assert 5 == ended.status
    hosts.running[2] = hosts.start(2)
    alone = shlex.split(ended.hint.partition("to ask those alone then: ")[2])
    expected = ["sealwire", "revert", "--base", "--why", "CHG 2", "--address", hosts.addresses[2]]
    assert expected == alone
    assert "reverted at 1 of 1 host" in shell.done(*alone[1:], "--expect", 1)
    bases = {row["report"]["base"]["id"] for row in rows(shell.run("status", "--json"))}  # type: ignore[index]
    assert 1 == len(bases)


def test_what_has_ended_at_one_host_is_ended_at_the_others(shell: Shell, hosts: Hosts) -> None:
    """That is what was wanted."""
    said = shell.done("lease", "payments.db=DEBUG", "--for", "5m").splitlines()
    (back,) = [line.split() for line in said if "sealwire revert" in line]
    shell.done(*back[1:], "--address", hosts.addresses[0])
    said = shell.done(*back[1:]).splitlines()
    assert "reverted at 2 of 2 hosts; 1 passed over" == said[-1]
    nobody = shell.run(*back[1:], "--json")
    assert 1 == nobody.status
    assert ["undone"] * 3 == [row["became"] for row in rows(nobody)]


def test_what_others_have_signed_goes_to_all(shell: Shell, hosts: Hosts) -> None:
    """Once, whichever host is asked first; and the second time all have done it before."""
    for number in range(3):
        hosts.again(number, lambda text: f'signatures = "several"\n{text}')
    hosts.say('signatures = "several"')
    shell.done("lease", "payments.db=DEBUG", "--for", "5m", "--partial", "debug.partial")
    assert "applied at 3 of 3 hosts" in shell.done("send", "debug.partial")
    again = shell.done("send", "debug.partial")
    assert 3 == again.count("had been applied before")
    assert "applied at 3 of 3 hosts" in again


# ---- who is asked -------------------------------------------------------------------------------


def test_addresses_can_be_given_again(shell: Shell, hosts: Hosts) -> None:
    """Instead of those in the settings."""
    first, second, _ = hosts.addresses
    said = shell.done("lease", "payments.db=DEBUG", "--address", first, "--address", second)
    assert "in force at 2 of 2 hosts" in said
    (back,) = [line.split() for line in said.splitlines() if "sealwire revert" in line]
    assert ["--address", first, "--address", second] == back[3:]
    assert [True, True, False] == hosts.debugs("meanwhile")


@pytest.mark.parametrize("count", [2, 4])
def test_with_others_than_expected_nothing_is_sent(shell: Shell, hosts: Hosts, count: int) -> None:
    """More or fewer; the hint shows how to look, and what to say if that is right."""
    ended = shell.run("lease", "payments.db=DEBUG", "--expect", count)
    assert 3 == ended.status
    assert f"3 hosts, and {count} expected" in ended.error
    assert "nothing was sent" in ended.error
    assert "--expect 3" in ended.hint
    assert [False] * 3 == hosts.debugs("later")
    assert "in force at 3 of 3 hosts" in shell.done("lease", "payments.db=DEBUG", "--expect", 3)


def test_status_tells_what_there_is_and_that_it_is_not_what_was_expected(
    shell: Shell, hosts: Hosts
) -> None:
    """Whoever looks wants to see who is there."""
    shell.done("lease", "payments.db=DEBUG", "--for", "5m", "--address", hosts.addresses[0])
    ended = shell.run("status", "--expect", 4)
    assert 5 == ended.status
    assert "3 hosts, and 4 expected" == ended.error
    assert "answered at 3 of 3 hosts" == ended.stdout.splitlines()[-1]
    for address in hosts.addresses:
        assert f"at {address}" in ended.stdout
    assert 1 == ended.stdout.count("payments.db=DEBUG until")
    assert "logger  configured" not in ended.stdout
    assert 3 == shell.done("status").count("instance ")


def test_a_host_with_two_addresses_is_one_host(shell: Shell, hosts: Hosts) -> None:
    """Whoever leads two addresses to one host has not had it done at two."""
    link = shell.folder / "made" / "run" / "again.sock"
    link.symlink_to(hosts.addresses[0].removeprefix("unix:"))
    both = "--address", hosts.addresses[0], "--address", f"unix:{link}"
    for command in (("lease", "payments.db=DEBUG"), ("status",), ("revert",)):
        ended = shell.run(*command, *both)
        assert 5 == ended.status
        assert 1 == ended.stdout.count(", so no other host did")
        assert "encrypted" not in ended.stdout
        assert "at 1 of 2 hosts: " in ended.error
    ended = shell.run("apply", "debug.json", *both)
    assert 4 == ended.status
    assert "so it was taken back where it was done" in ended.error


def test_one_hosts_receipt_is_not_taken_for_anothers(shell: Shell, hosts: Hosts) -> None:
    """Whoever is in between needs no key to copy one, and the request is the same for both."""
    copying = Copying(hosts.addresses[0], f"unix:{hosts.made}/run/copy.sock")
    ended = shell.run(
        "lease", "payments.db=DEBUG", "--address", hosts.addresses[0], "--address", copying.address
    )
    copying.end()
    assert 5 == ended.status
    assert "in force at 1 of 2 hosts" == ended.stdout.splitlines()[-1]
    assert [True, False, False] == hosts.debugs("meanwhile")


def test_doctor_looks_at_every_host(shell: Shell, hosts: Hosts) -> None:
    """And says which of them has the problem."""
    shell.done("doctor")
    hosts.running[1].end()
    ended = shell.run("doctor")
    assert 3 == ended.status
    assert f"{AUDIENCE} at {hosts.addresses[1]}: address" in ended.stdout


def test_a_name_of_nobody_is_told(shell: Shell, local_parts: str) -> None:
    """RFC 6761 keeps names under invalid for nobody."""
    assert local_parts
    ended = shell.run("status", "--address", "tcp:payments.invalid:9030")
    assert 3 == ended.status
    assert "tcp:payments.invalid:9030: no address" in ended.error
    assert "nothing was sent" in ended.error
    assert "getent hosts" in ended.hint


# ---- hosts with keys of their own ---------------------------------------------------------------


def test_hosts_have_keys_of_their_own(shell: Shell, hosts: Hosts) -> None:
    """A receipt counts that is signed with the key of any of them, and says with whose."""
    hosts.name(0, 1)
    key = new_signing_key("b.example")
    write_key_file(hosts.made / "b.key", key)
    write_key_file(hosts.made / "b.pub", key.verify_key)
    hosts.again(1, lambda text: text.replace('"receipt.key"', '"b.key"'))
    ended = shell.run("status")
    assert 5 == ended.status
    assert "a squatter may sit on the address" in ended.stdout

    public = hosts.made / "b.pub"
    refused = shell.run("trust", AUDIENCE, "--key", public, "--fingerprint", key.fingerprint)
    assert 3 == refused.status
    assert "--another" in refused.hint
    shell.done("trust", AUDIENCE, "--key", public, "--fingerprint", key.fingerprint, "--another")
    said = shell.done("lease", "payments.db=DEBUG", "--for", "5m")
    assert f"receipt verified ({host_name()})" in said
    assert "receipt verified (b.example)" in said
    shown = shell.done("trust", AUDIENCE)
    assert 2 == shown.count("fingerprint")
    receipts = (hosts.operator.parent / "receipts").glob("*1-sock-*.json")
    assert "b.example" in shell.done("receipts", "verify", next(receipts).stem)
