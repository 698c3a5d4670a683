"""The listener: a running service's side of sealwire, as an object with a life.

Rules this module keeps:

1. Binding happens in the caller's thread and fails there. One daemon thread serves.
2. `Listener.stop` takes no new connections, lets a running apply finish and answer, joins within
   two seconds and removes the socket. It may be called twice, and runs at exit before ``logging``
   shuts down. No signal handler is installed.
3. `Listener.start` after `stop` listens again; on a running listener it does nothing. A second
   listener on one address is an error. What was taken is remembered by the process (`memory`).
4. No lock of ours is held across ``os.fork()``. A child closes what it inherited, never unlocks or
   unlinks, and is not a listener: it starts one of its own if it is to have one.
"""

from __future__ import annotations

import atexit
import logging
import sys
import threading
import time
import weakref
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from typing import TYPE_CHECKING, Final, Self, TypeAlias

from sealwire import forks
from sealwire.adopting import OnNewSetup
from sealwire.algebra import check_hides_and_signs, check_serves
from sealwire.answering import Answering
from sealwire.answers import CONSTANT_REFUSAL
from sealwire.chain import Chain
from sealwire.engine import Engine, engine_of_process
from sealwire.errors import ConfigurationError, SealwireError
from sealwire.eventlog import LOGGER, log_bug, log_to
from sealwire.framing import encode_frame
from sealwire.inforce import check_instance
from sealwire.logtree.internals import check_private_names
from sealwire.memory import Memory, memory_of
from sealwire.policy import Policy, default_rules
from sealwire.receiver import Deadlines, Door
from sealwire.requests import Verb
from sealwire.service import Service, Session
from sealwire.stats import Stats
from sealwire.transports.addresses import Address, TcpAddress, parse_address
from sealwire.transports.bound import Access, Bound, bind, check_access
from sealwire.transports.server import Caps, Server

if TYPE_CHECKING:
    import os
    import socket
    from collections.abc import Callable, Iterable, Iterator
    from contextlib import AbstractContextManager
    from types import TracebackType

    from sealwire.algebra import Admission, Verifier
    from sealwire.custody import Custody
    from sealwire.documents import LoggingPlan
    from sealwire.durable import DurableState
    from sealwire.events import Decision
    from sealwire.keyringfiles import KeyringFiles
    from sealwire.keys import SigningKey
    from sealwire.policy import Rule
    from sealwire.recording import Recorder, Trail
    from sealwire.stages import Applied
    from sealwire.workers import Workers

MakeWorkers: TypeAlias = "Callable[[], Workers]"

SERVED: Final = frozenset(Verb)
"""What a listener does."""

JOIN_S: Final = 2.0
_BIND_TRIES: Final = 10
_BIND_AGAIN_S: Final = 0.05
"""A process that is killed lets go of one lock after the other."""

REMOTE_SKEW_S: Final = 60.0
"""How far two machines' clocks may be apart before somebody should be told."""


class Listener:
    """Accepts sealed messages on one address and applies them to this process's logging."""

    def __init__(
        self,
        address: Address,
        door: Door,
        access: Access,
        *,
        caps: Caps | None = None,
        on_event: Callable[[Decision], None] | None = None,
        memory: Memory | None = None,
        engine: Engine | None = None,
        durable: DurableState | None = None,
        answering: Answering | None = None,
        recorder: Recorder | None = None,
        custody: Custody | None = None,
        workers: MakeWorkers | None = None,
        instance: str | None = None,
    ) -> None:
        """Make a listener; `listen` is the usual way, and starts it.

        Raises:
            ConfigurationError: the chain does not show enough for this address.
        """
        check_access(address, access)
        if isinstance(address, TcpAddress) and not address.is_loopback:
            check_hides_and_signs(door.chain.guarantees)
        self._wanted = address
        self._access = access
        self._caps = caps or Caps()
        parts = recorder, durable, answering, custody
        self._service = Service(door, None if engine else _apply, on_event, memory, engine, *parts)
        self._life = threading.RLock()
        self._host: _Host | None = None
        self._server: Server | None = None
        self._thread: threading.Thread | None = None
        self._ending = False
        self._make_workers = workers
        self._engine, self._instance = engine, instance

    @property
    def address(self) -> Address:
        """Where it listens; with the port it got, while it runs."""
        bound = None if self._host is None else self._host.bound
        return self._wanted if bound is None else bound.address

    def __repr__(self) -> str:
        """Say address and whether it runs."""
        state = "running" if self.is_alive() else "stopped"
        return f"<Listener {self.address} {state}>"

    def start(self) -> Self:
        """Bind and serve; do nothing if it runs already.

        Raises:
            ConfigurationError: the address is taken, too open, or not ours; this Python's
                ``logging`` is not as we know it; or the process has another name by now.
            StateError: there is to be a trail, and it is another's or not as it was left.
            OSError: descriptors or threads ran out; nothing is left behind.
        """
        with self._life:
            if self.is_alive():
                return self
            check_private_names()
            self._end()
            # Before there is anything to inherit; a fork waits until this is done.
            forks.watch(self)
            try:
                with nullcontext() if self._engine is None else self._engine.named(self._instance):
                    self._begin()
            except BaseException:
                forks.unwatch(self)
                raise
            self._ending = False
            _started.add(self)
            atexit.register(self.stop)
        return self

    def _begin(self) -> None:
        service = self._service
        service.workers = None if self._make_workers is None else self._make_workers()
        host: _Host | None = None
        server: Server | None = None
        try:
            host = _Host(service, self._bind)
            server = Server(
                host.newly_listening(),
                host,
                self._caps,
                service.door.deadlines,
                encode_frame(CONSTANT_REFUSAL),
            )
            thread = threading.Thread(
                target=self._run, args=(server, host), name="sealwire-listener", daemon=True
            )
            service.begin()
            try:
                thread.start()
            except BaseException:
                service.end()
                raise
        except BaseException:
            if server is not None:
                server.close()
            if host is not None:
                host.close()
            raise
        self._host, self._server, self._thread = host, server, thread

    def _bind(self) -> Bound:
        return bind(self._wanted, self._access)

    def stop(self, timeout_s: float = JOIN_S) -> None:
        """Stop serving and remove the socket; do nothing if it does not run.

        Args:
            timeout_s: how long to wait for a running apply, seconds.
        """
        own = threading.current_thread() is self._thread
        if own and self._ending:
            # In a callback: whoever ends it waits for this very thread.
            return
        # Reentrant: a signal handler may call this while we wait, and finds nothing to do.
        with self._life:
            if self._server is None or self._ending:
                return
            self._ending = True
            self._server.stop()
            try:
                if not own:
                    self.join(timeout_s)
            finally:
                self._end()

    def _end(self) -> None:
        """Give back what there was between start and stop."""
        if self._host is None:
            return
        self._host.close()
        # Only now, because until here a forked child inherits it.
        self._host = self._server = None
        forks.unwatch(self)
        atexit.unregister(self.stop)

    def join(self, timeout_s: float | None = None) -> None:
        """Wait until the listener's thread ends."""
        if self._thread is not None:
            self._thread.join(timeout_s)

    def is_alive(self) -> bool:
        """Whether this process serves the address."""
        thread, serving = self._thread, self._server is not None and not self._ending
        return serving and thread is not None and thread.is_alive()

    def stats(self) -> Stats:
        """Give counts, the last hundred refusals with their reasons, and what is in force now.

        It may be called from any thread, waits for nothing and asks no disk.
        """
        stats = self._service.stats()
        # A forked child has inherited the numbers, and does not serve.
        return stats if self.is_alive() else replace(stats, uptime_s=0.0)

    def __enter__(self) -> Self:
        """Serve while the block runs."""
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop."""
        self.stop()

    def _run(self, server: Server, host: _Host) -> None:
        try:
            server.run()
        except BaseException as bug:  # noqa: BLE001 - said in the log, and by is_alive()
            # A peer is to be told at once that nobody is here, instead of waiting for an answer.
            host.close()
            log_bug(f"the listener on {self.address} died; is_alive() is false now", bug)
        finally:
            # In this thread, because a change that hangs holds what is needed for it.
            self._service.end()

    @contextmanager
    def hold_still(self, timeout_s: float) -> Iterator[None]:
        """Neither begin nor end while this process forks; see `forks`."""
        # The lock itself, because in the child it is another one when this ends.
        life = self._life
        held = life.acquire(timeout=timeout_s)
        try:
            yield
        finally:
            if held:
                life.release()

    def abandon(self) -> None:
        """Be no listener any more, in a forked child (rule 4); see `forks`."""
        server, host = self._server, self._host
        self._server = self._host = self._thread = None
        self._ending = False
        self._life = threading.RLock()
        atexit.unregister(self.stop)
        if server is not None:
            server.close()
        if host is not None:
            host.abandon()


_started: Final[weakref.WeakSet[Listener]] = weakref.WeakSet()


def running() -> list[Listener]:
    """Give the listeners that run in this process."""
    return [each for each in list(_started) if each.is_alive()]


class _Host:
    """What the server's loop asks of a listener.

    Attributes:
        bound: the address, while this process serves it.
    """

    def __init__(self, service: Service, bind: Callable[[], Bound]) -> None:
        """Bind the address, unless another process of the service leads.

        Raises:
            ConfigurationError: it cannot be bound.
        """
        self._service, self._bind = service, bind
        self._new: socket.socket | None = None
        self.bound: Bound | None = None
        workers = service.workers
        if workers is None or workers.is_to_lead():
            try:
                self._take_the_address_at_last(_BIND_TRIES if workers else 1)
            except BaseException:
                self.close()
                raise

    def _take_the_address_at_last(self, tries: int) -> None:
        """Take it, though whoever led may have been killed and not be gone altogether."""
        while True:
            tries -= 1
            try:
                self._take_the_address()
            except ConfigurationError:
                if not tries:
                    raise
                time.sleep(_BIND_AGAIN_S)
            else:
                return

    def _take_the_address(self) -> Bound:
        self.bound = bound = self._bind()
        self._new = bound.socket
        return bound

    @property
    def owes_a_line(self) -> bool:
        return self._service.owes_a_line

    @property
    def next_look_ms(self) -> int | None:
        return self._service.next_look_ms

    def let_time_pass(self) -> None:
        self._service.let_time_pass()
        workers = self._service.workers
        if workers is None or not workers.is_to_lead():
            return
        try:
            bound = self._take_the_address()
            self._service.begin_recording()
            workers.take_over()
        except (SealwireError, OSError) as error:
            # Whoever led may not be gone altogether; another one may try as well.
            log_to(LOGGER, logging.WARNING, "the address is not served as yet: %s", str(error))
            if self.bound is not None:
                self.bound.close()
            self.bound = self._new = None
            workers.lead_no_more()
            return
        log_to(LOGGER, logging.INFO, "this process serves %s now", str(bound.address))

    @property
    def heard(self) -> socket.socket | None:
        workers = self._service.workers
        return None if workers is None else workers.socket

    def hear(self) -> None:
        self._service.hear()

    def newly_listening(self) -> socket.socket | None:
        new, self._new = self._new, None
        return new

    def undisturbed(self) -> AbstractContextManager[None]:
        return self._service.undisturbed()

    def session_for(self, connection: socket.socket) -> Session | None:
        if self.bound is None:
            return None
        caller = self.bound.caller(connection)
        if caller.may_connect:
            return Session(self._service, caller.name, caller.owner)
        self._service.refuse_peer(caller.name)
        return None

    def close(self) -> None:
        """Give address and place back; twice does nothing."""
        if self.bound is not None:
            self.bound.close()
        if self._service.workers is not None:
            self._service.workers.close()

    def abandon(self) -> None:
        """Close what a forked child inherited."""
        if self.bound is not None:
            self.bound.abandon()
        if self._service.workers is not None:
            self._service.workers.abandon()


def listen(  # noqa: PLR0913 - by name alone, and each has a default
    address: str,
    *,
    chain: Chain | Iterable[Verifier | Admission],
    audience: str | None = None,
    rules: Iterable[Rule] | None = None,
    policy: Policy | None = None,
    allow_uids: Iterable[int] | None = None,
    group: str | int | None = None,
    beyond_loopback: bool = False,
    skew_s: float | None = None,
    deadlines: Deadlines | None = None,
    caps: Caps | None = None,
    on_event: Callable[[Decision], None] | None = None,
    state: str | os.PathLike[str] | None = None,
    on_new_setup: OnNewSetup = OnNewSetup.APPLICATION,
    receipt_key: SigningKey | None = None,
    challenge: bool | None = None,
    trail: Trail | None = None,
    keyring: KeyringFiles | None = None,
    workers: bool = False,
    instance: str | None = None,
) -> Listener:
    """Let holders of the right keys change this process's logging, from now on.

    Args:
        address: where to listen: ``unix:/run/payments/log.sock``, or ``tcp:127.0.0.1:9030``; port 0
            takes a free one, which `Listener.address` tells.
        chain: what a message must pass: a `Chain`, or its parts together with ``audience``.
        audience: the service this is, such as ``payments@prod``, where ``chain`` is parts.
        rules: what a configuration may contain; `default_rules()` allows console handlers alone.
        policy: everything a request may ask for, in the place of ``rules``: floors, roles, leases.
        allow_uids: who may connect; by default this user and root, or with ``group`` whoever the
            socket's mode lets in.
        group: whose members may connect too; the socket is 0660 for it.
        beyond_loopback: let other machines connect; the chain has to encrypt and sign for that.
        skew_s: how far ahead a sealer's clock may be, seconds; by default 0 on one machine, and 60
            beyond it.
        deadlines: how long a peer may take.
        caps: what all peers together may use.
        on_event: is called with every decision, in the listener's thread.
        state: the directory that ``sealwire state init`` made, where what was taken, what stands
            and which leases run outlives this process; ``None`` forgets all of it at the end.
        on_new_setup: what becomes of a configuration that stood before a start if the application
            has set itself up differently since: it is set aside, is applied again, or this raises.
        receipt_key: the host's key, whose owner is the host's name. With it every answer to a
            message that opens is signed.
        challenge: whether requests have to carry what was drawn at this start, and receipts hand
            out; a `Client` that knows the receipt key does so by itself. By default they have to
            where there is a receipt key and no state; ``False`` goes by the version of a message
            instead, so that one that was sealed into a file can be delivered.
        trail: where what happens is recorded; ``None`` is nowhere.
        keyring: where the keyring lies that ``chain`` looks at, as `sealwire.keyring.keyring_chain`
            makes one; it is followed while the listener runs.
        workers: whether other processes listen here as well, with the same ``state``. One of them
            serves the address, and all of them change; the policy's quorum says how many have to.
        instance: what the names of this host's processes begin with, which receipts and ``--only``
            go by: ``INSTANCE/worker-0`` with ``workers``, otherwise with the process's number. By
            default it is the host's name. It is the process's, and all its listeners take the same.

    Returns:
        A running `Listener`; what stood before is in force by then.

    Raises:
        ConfigurationError: the chain does not show enough or trusts the receipt key, the address is
            taken, too open, or not ours, or the process has another name; the text says what to do.
        StateError: there is to be a trail, and another process writes it, or it is not as it was
            left.
    """
    where = parse_address(address)
    if skew_s is None:
        far = isinstance(where, TcpAddress) and not where.is_loopback
        skew_s = REMOTE_SKEW_S if far else 0.0
    chain = _made(chain, audience)
    if challenge and receipt_key is None:
        raise ConfigurationError("challenge needs a receipt key, whose receipts hand it out")
    if challenge and state is not None:
        raise ConfigurationError(
            "with a state a listener knows by its floors what is new, and asks for no challenge; "
            "leave challenge out, or state"
        )
    answering = None
    if receipt_key is not None:
        answering = Answering(receipt_key, chain, challenging=challenge is not False)
    door = make_door(
        chain,
        rules=rules,
        policy=policy,
        skew_s=skew_s,
        deadlines=deadlines,
        verbs=SERVED,
    )
    custody = None
    if keyring is not None or chain.successors is not None:
        custody = _custody(chain, keyring, answering)
    # Not an iterator, which would be used up when the listener is started again.
    uids = None if allow_uids is None else frozenset(allow_uids)
    access = Access(uids, group, beyond_loopback)
    if instance is not None:
        check_instance(instance)
    engine = engine_of_process()
    durable = _durable(state, door, engine, on_new_setup)
    if workers and durable is None:
        raise ConfigurationError(
            "several processes behind one address need a state, which they all follow; name a "
            "directory: state="
        )
    return Listener(
        where,
        door,
        access,
        caps=caps,
        on_event=on_event,
        memory=memory_of(chain.audience),
        engine=engine,
        recorder=_recorder(trail, chain.audience),
        durable=durable,
        answering=answering,
        custody=custody,
        workers=_make_workers(durable, door, engine) if workers and durable is not None else None,
        instance=instance,
    ).start()


def listen_from(
    path: str | os.PathLike[str],
    *,
    rules: Iterable[Rule] = (),
    on_event: Callable[[Decision], None] | None = None,
) -> Listener:
    """Listen as a settings file says; ``sealwire init`` writes one.

    Args:
        path: the service's settings, such as ``/etc/sealwire/payments@prod/service.toml``.
        rules: the application's own rules, in addition to those of the file.
        on_event: is called with every decision, in the listener's thread.

    Returns:
        A running `Listener`.

    Raises:
        KeyFileError: a key file is missing, malformed, too open, or a published example.
        ConfigurationError: the settings cannot be read, or as `listen`.
    """
    # Late, because it loads ``tomllib``, which a service with its settings in code does not need.
    from sealwire.settings import load_service_settings

    settings = load_service_settings(path)
    keyring = settings.keyring_files()
    return listen(
        settings.address,
        chain=settings.chain(keyring),
        policy=_with_rules(settings.make_policy(), rules),
        allow_uids=settings.allow_uids,
        group=settings.group,
        beyond_loopback=settings.beyond_loopback,
        skew_s=settings.skew_s,
        on_event=on_event,
        state=settings.state,
        on_new_setup=settings.on_new_setup,
        receipt_key=settings.load_receipt_key(),
        challenge=settings.challenge,
        trail=settings.make_trail(),
        keyring=keyring,
        workers=settings.workers,
        instance=settings.instance,
    )


def _custody(chain: Chain, files: KeyringFiles | None, answering: Answering | None) -> Custody:
    """Have the keyring followed that a chain looks at."""
    # Late, because a service whose keys its settings list does not need it.
    from sealwire.custody import Custody
    from sealwire.keyring import LiveKeyring

    live = chain.successors
    if not isinstance(live, LiveKeyring) or files is None or files.audience != chain.audience:
        raise ConfigurationError(
            "a chain that looks at a keyring and the keyring's files belong together; make the "
            "chain of what the files hold: chain=keyring_chain(files.open()), keyring=files"
        )
    return Custody(files, live, engine_of_process(), answering)


if sys.platform == "win32":

    def _make_workers(_: DurableState, __: Door, ___: Engine) -> MakeWorkers:
        raise ConfigurationError(
            "workers need Unix sockets and locks, which this system does not have; leave it out"
        )

else:

    def _make_workers(durable: DurableState, door: Door, engine: Engine) -> MakeWorkers:
        """Give what takes a place among the processes of a service, as often as one begins."""

        def make() -> Workers:
            # Late, because a service of one process does not need it.
            from sealwire.members import Members
            from sealwire.workers import Workers, instance_of

            # Before anything of ours is put there: it may be another service's, or a user's.
            durable.check_folder()
            members = Members(durable.folder)
            engine.in_force.instance = f"{engine.host}/{instance_of(members.number)}"
            made = Workers(members, engine, durable, door.policy.quorum)
            engine.in_force.is_anybody = made.is_anybody
            return made

        return make


def _durable(
    state: str | os.PathLike[str] | None, door: Door, engine: Engine, on_new_setup: OnNewSetup
) -> DurableState | None:
    if state is None:
        return None
    # Late, because a service that keeps nothing does not need it.
    from pathlib import Path

    from sealwire.durable import DurableState

    return DurableState(Path(state).absolute(), door, engine, on_new_setup)


def make_door(
    chain: Chain | Iterable[Verifier | Admission],
    *,
    audience: str | None = None,
    rules: Iterable[Rule] | None = None,
    policy: Policy | None = None,
    skew_s: float = 0.0,
    deadlines: Deadlines | None = None,
    verbs: frozenset[Verb] = frozenset({Verb.APPLY}),
) -> Door:
    """Put together what requests are judged by; arguments as in `listen`.

    Raises:
        ConfigurationError: the chain does not show enough, or arguments contradict each other.
    """
    chain = _made(chain, audience)
    if skew_s < 0:
        raise ConfigurationError("skew_s is negative")
    check_serves(chain.guarantees)
    if policy is None:
        policy = Policy(default_rules() if rules is None else tuple(rules))
    elif rules is not None:
        raise ConfigurationError("rules are a part of a policy; give one of the two")
    if policy.wants_several and not chain.takes_several:
        raise ConfigurationError(
            "the policy has a threshold above 1, and this chain takes one signature a message; "
            'write signatures = "several" in the service\'s settings and in the target of every '
            "operator, or, in code, several=True for the recommended chain"
        )
    skew_ms = round(skew_s * 1000)
    door = Door(chain, policy, skew_ms, deadlines=deadlines or Deadlines(), verbs=verbs)
    if chain.successors is None:
        return door
    # Late, because a service whose keys its settings list does not need it.
    from sealwire.keyring import LiveKeyring

    # Whichever door it is, a key does no more than its role allows.
    live = chain.successors
    return replace(door, keys=live) if isinstance(live, LiveKeyring) else door


def _made(chain: Chain | Iterable[Verifier | Admission], audience: str | None) -> Chain:
    if not isinstance(chain, Chain):
        if audience is None:
            raise ConfigurationError('verifiers need an audience: audience="payments@prod"')
        return Chain(audience, chain)
    if audience is not None and audience != chain.audience:
        raise ConfigurationError(f"the chain is for {chain.audience}, not for {audience}")
    return chain


def _recorder(trail: Trail | None, audience: str) -> Recorder | None:
    if trail is None:
        return None
    # Late, because a service without a trail does not need it.
    from sealwire.recording import Recorder

    return Recorder(trail, audience)


def _with_rules(policy: Policy, rules: Iterable[Rule]) -> Policy:
    return replace(policy, rules=(*policy.rules, *rules))


def _apply(plan: LoggingPlan) -> Applied:
    # Late, because it loads ``logging.config``, which a process that never changes does not need.
    from sealwire.logtree import apply

    return apply(plan)
