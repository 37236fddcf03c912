"""The composition root: settings → storage → engine → client.

The only module that knows every part, and the only one that knows the sandbox.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import OrderedDict
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import timedelta

import discord

from bot.charts.drawing import Charts
from bot.chat.actions import Actions
from bot.chat.backlog import Backlog
from bot.chat.card_upkeep import CardUpkeep
from bot.chat.checkup import Checkup
from bot.chat.client import Hexward, point_at
from bot.chat.cut_off import CutOff
from bot.chat.intents import Asked, ContentIntent, Privileged, flags_now
from bot.chat.languages import heeding
from bot.chat.lone_texts import LoneTexts
from bot.chat.passed import Passed
from bot.chat.posting import Posting
from bot.chat.setup_desk import SetupDesk
from bot.chat.supervision import supervise
from bot.chat.trial import Trial
from bot.chat.unseen import Unseen
from bot.cogs.actions import ActionCommands
from bot.cogs.alert_cards import AlertCards
from bot.cogs.beside_messages import ScreeningCommands
from bot.cogs.catch_up import CatchUp
from bot.cogs.check import CheckCommands
from bot.cogs.doctor import DoctorCommand
from bot.cogs.escalation import EscalationCommands
from bot.cogs.exempt import ExemptCommands
from bot.cogs.greeting import Greeting
from bot.cogs.journal import LogCommands
from bot.cogs.language import LanguageCommands
from bot.cogs.log_channel import LogChannelCommands
from bot.cogs.mode import ModeCommands
from bot.cogs.names import Names
from bot.cogs.notice import NoticeCommands
from bot.cogs.privacy import Host, PrivacyCommands
from bot.cogs.recovery import Recovery
from bot.cogs.reduced import ReducedMode
from bot.cogs.retention import Purging
from bot.cogs.screening import Screened, Screening
from bot.cogs.settings import SettingsCommands
from bot.cogs.setup import SetupCommand
from bot.cogs.standing_messages import StandingClicks
from bot.cogs.statistics import StatisticsCommand
from bot.cogs.status import StatusCommand
from bot.cogs.thresholds import ThresholdCommands
from bot.cogs.titles import Titles
from bot.cogs.unseen import UnseenFlags
from bot.errors import MissingExtraError, SettingsError
from bot.logs import log_stray_error
from bot.metrics import Metrics, served
from bot.screening.engine import Engine, Limits
from bot.screening.model import Model, load_model
from bot.screening.observing import Observer
from bot.screening.presets import Presets
from bot.settings import SANDBOX_DATABASE_URL, Settings
from bot.stopping import stop_on_signals, unless_stopped
from bot.storage.address import Address
from bot.storage.announcements import Announcements
from bot.storage.cards import Cards
from bot.storage.cut_off import CutOffDeeds
from bot.storage.database import Database
from bot.storage.decisions import Decisions
from bot.storage.evidence import Evidence
from bot.storage.excerpts import Excerpts
from bot.storage.greetings import Greetings
from bot.storage.journal import Journal
from bot.storage.members import Members
from bot.storage.migrate import upgrade_apart
from bot.storage.offences import Offences
from bot.storage.preview import Previews
from bot.storage.privacy import Privacy
from bot.storage.retention import Retention
from bot.storage.samples import ScoreSamples
from bot.storage.servers import Servers
from bot.storage.statistics import Statistics
from bot.storage.unscreened import KEEP, Unscreened
from bot.storage.unscreened_lines import UnscreenedLines
from bot.storage.unshown import Unshown
from bot.storage.verdicts import Verdicts
from bot.transcript import transcript

log = logging.getLogger(__name__)

_REMEMBERED_POSTS = 256
# How many servers may each have as much waiting as one server may.
_SERVERS_AT_MOST = 10


@dataclass(frozen=True, slots=True)
class Parts:
    """Everything that outlives a single connection to Discord."""

    engine: Engine
    metrics: Metrics
    presets: Presets
    database: Database
    servers: Servers
    decisions: Decisions
    unscreened: Unscreened
    verdicts: Verdicts
    cards: Cards
    upkeep: CardUpkeep
    actions: Actions
    offences: Offences
    catch_up_back: timedelta
    announcements: Announcements
    lone_texts: LoneTexts
    passed: Passed
    unseen: Unseen
    previews: Previews
    asked: Asked
    host: Host
    charts: Charts

    def make_client(self) -> Hexward:
        """A client that was never connected, with all that the bot can do."""
        return Hexward(self._add_cogs, self.asked)

    async def give_up(self, client: discord.Client) -> Sequence[Privileged]:
        """Do without an intent that Discord has refused to `client`; see `Asked.give_up`."""
        return self.asked.give_up(await flags_now(client))

    async def _add_cogs(self, client: Hexward) -> None:
        catching_up = bool(self.catch_up_back)
        backlog = Backlog(
            client,
            self.servers,
            self.unscreened,
            self.metrics,
            UnscreenedLines(self.database),
            catching_up=catching_up,
        )
        screening = Screening(
            client,
            self.engine,
            self.presets,
            self.servers,
            self.decisions,
            self.actions,
            self.offences,
            backlog,
            self.passed,
        )
        catch_up = CatchUp(
            client,
            self.engine,
            self.servers,
            screening,
            backlog,
            self.decisions,
            back=self.catch_up_back,
        )
        checkup = Checkup(
            client, self.engine, self.servers, self.database, self.unscreened, self.decisions
        )
        trial = Trial(self.engine, self.presets, self.database)
        privacy, members = Privacy(self.database), Members(self.database)
        retention = Retention(self.database, privacy, members)
        for cog in (
            screening,
            AlertCards(client, self.verdicts, self.cards, self.upkeep),
            StandingClicks(client, self.database, self.actions.crowds, self.upkeep),
            Recovery(
                client,
                self.servers,
                self.decisions,
                self.actions,
                self.lone_texts,
                CutOff(CutOffDeeds(self.database), self.verdicts, self.upkeep),
            ),
            *([catch_up] if catching_up else []),
            CheckCommands(client, self.engine, self.presets, self.servers),
            ThresholdCommands(
                client,
                self.presets,
                self.servers,
                privacy,
                self.previews,
                Evidence(self.database),
                self.charts,
            ),
            ActionCommands(self.presets, self.servers),
            ModeCommands(self.servers),
            EscalationCommands(self.servers),
            NoticeCommands(self.servers),
            LogChannelCommands(self.servers),
            ExemptCommands(self.servers),
            LanguageCommands(self.servers),
            SetupCommand(client, SetupDesk(self.servers, self.presets, checkup, trial)),
            DoctorCommand(checkup),
            StatusCommand(client, self.engine, self.metrics, self.database, self.unscreened),
            Titles(client, self.servers, self.lone_texts),
            Names(client, self.servers, self.lone_texts),
            ScreeningCommands(client, self.servers),
            PrivacyCommands(privacy, retention, members, self.servers, self.host),
            SettingsCommands(self.servers, retention),
            Purging(client, privacy, retention, Excerpts(self.database)),
            Greeting(client, Greetings(self.database)),
            UnseenFlags(client, self.servers, self.unseen),
            ReducedMode(client, self.servers, self.announcements),
            LogCommands(client, Journal(self.database)),
            StatisticsCommand(
                Statistics(self.database, self.decisions), privacy, self.unscreened, self.charts
            ),
        ):
            await client.add_cog(cog)
        client.add_listener(self._count_screened, "on_screened")
        client.before_close(backlog.tally.stop)
        client.before_close(self.actions.drain)

    async def _count_screened(self, screened: Screened) -> None:
        self.metrics.screened(
            flagged=screened.decision.flagged,
            priority=screened.priority,
            scoring_s=screened.scoring_s,
        )


@contextlib.asynccontextmanager
async def open_parts(settings: Settings) -> AsyncIterator[Parts]:
    """Open the database (migrated), load the model, start the engine; close them in reverse.

    Raises
    ------
    DatabaseError, ArtifactError, MissingExtraError, SettingsError
        In words for the host.
    """
    metrics = Metrics()
    async with contextlib.AsyncExitStack() as stack:
        stack.enter_context(served(metrics, settings.metrics_port))
        database = await stack.enter_async_context(await Database.open(settings.database_url))
        model = await load(settings)
        engine = await stack.enter_async_context(running_engine(model, settings, metrics))
        metrics.watch(engine.figures)
        log.info("Model %s is ready", model.version)
        back = timedelta(hours=settings.catch_up_hours)
        presets, decisions = Presets(model.presets, model.measured), Decisions(database)
        verdicts = Verdicts(database)
        samples = ScoreSamples(database)
        passed = Passed(decisions, samples)
        cards = Cards(database)
        upkeep = CardUpkeep(engine, verdicts, cards, Privacy(database))
        servers = Servers(database)
        unseen = Unseen(await Unshown.open(database), servers)
        posting = Posting(upkeep, unseen)
        yield Parts(
            engine=engine,
            metrics=metrics,
            presets=presets,
            database=database,
            servers=servers,
            unseen=unseen,
            decisions=decisions,
            unscreened=Unscreened(database, keep=max(KEEP, back)),
            verdicts=verdicts,
            cards=cards,
            upkeep=upkeep,
            actions=Actions(posting, verdicts, decisions),
            offences=Offences(database),
            catch_up_back=back,
            announcements=Announcements(database),
            lone_texts=LoneTexts(engine, presets, decisions, passed, posting),
            passed=passed,
            previews=Previews(database, samples),
            asked=Asked(ContentIntent(settings.message_content), members=settings.members_intent),
            host=Host(settings.privacy_contact, settings.privacy_policy_url),
            charts=await stack.enter_async_context(Charts()),
        )


async def load(settings: Settings) -> Model:
    """The model the settings name, loaded off the event loop.

    Raises
    ------
    ArtifactError, MissingExtraError
        In words for the host.
    """
    return await asyncio.to_thread(load_model, settings.model, settings.model_threads)


@contextlib.asynccontextmanager
async def running_engine(
    model: Model, settings: Settings, observer: Observer | None = None
) -> AsyncIterator[Engine]:
    """An engine that is started, and closed with everything accepted answered."""
    most = settings.queue_messages
    engine = Engine(
        model, limits=Limits(most=_SERVERS_AT_MOST * most, most_per_server=most), observer=observer
    )
    await engine.start()
    try:
        yield engine
    finally:
        await engine.close()


async def run(settings: Settings) -> None:
    """Run the bot until a signal tells it to stop."""
    with stop_on_signals() as stop:
        if settings.token is not None:
            await unless_stopped(upgrade_apart(settings.database_url), stop)
        if not stop.is_set():
            await serve(settings, stop)


async def serve(settings: Settings, stop: asyncio.Event) -> None:
    """Run the bot until `stop` is set: on Discord, or on the sandbox without a token.

    Raises
    ------
    HexwardError
        What only the host can mend, in one sentence.
    """
    if settings.token is None:
        Address.parse(settings.database_url)  # a mistake is told now, not once there is a token
        # With a real server's it would take that server for one which the bot has left.
        settings = settings.model_copy(update={"database_url": SANDBOX_DATABASE_URL})
        _check_sandbox(settings.sandbox_port)
    asyncio.get_running_loop().set_exception_handler(log_stray_error)
    async with open_parts(settings) as parts:
        await parts.servers.load_languages()
        with heeding(parts.servers.languages):
            if settings.token is None:
                await _run_on_sandbox(settings, parts, stop)
            else:
                point_at(settings.discord_api_url, settings.discord_gateway_url)
                await supervise(parts.make_client, settings.token, stop, give_up=parts.give_up)
    log.info("Stopped")


def _check_sandbox(port: int) -> None:
    """Find out before the model is loaded what would keep the sandbox from opening."""
    try:
        from sandbox.page import PortTaken, check_port
    except ImportError:
        raise MissingExtraError("The sandbox", "sandbox") from None
    try:
        check_port(port)
    except PortTaken:
        raise _port_taken(port) from None


def _port_taken(port: int) -> SettingsError:
    return SettingsError(f"SANDBOX_PORT: port {port} is taken; choose another, or 0 for a free one")


async def _run_on_sandbox(settings: Settings, parts: Parts, stop: asyncio.Event) -> None:
    """Run the real client in a world of its own, with a page and this terminal to try it in."""
    from sandbox.stage import PortTaken, Posted, Stage
    from sandbox.terminal import run_terminal

    async def choose_log_channel(stage: Stage) -> None:
        await parts.servers.set_log_channel(stage.server_id, stage.moderation_channel_id)

    seen: OrderedDict[int, list[Screened]] = OrderedDict()

    async def remember(screened: Screened) -> None:
        seen.setdefault(screened.message.id, []).append(screened)
        if len(seen) > _REMEMBERED_POSTS:  # posted on the page: nobody asks for them here
            seen.popitem(last=False)

    async def report(posted: Posted) -> None:
        who = posted.author if posted.kind == "message" else f"{posted.author} ({posted.kind})"
        print(transcript(who, posted.channel, posted.text, seen.pop(posted.message_id, [])))

    client = parts.make_client()
    client.add_listener(remember, "on_screened")
    try:
        async with Stage.open(
            client, port=settings.sandbox_port, before_login=choose_log_channel
        ) as stage:
            print(
                "DISCORD_TOKEN is not set: this is the sandbox, with a server and log of its own.\n"
                f"Open {stage.url} to post and moderate there, or type a message here.\n"
            )
            await unless_stopped(run_terminal(stage, report), stop)
    except PortTaken:
        raise _port_taken(settings.sandbox_port) from None
    finally:
        await client.close()
