"""The tools at the counter: over operations that the counter's own role may do, and no others."""

from functools import partial

from anyio import to_thread

from clearhouse.clearing.coordinate import letterbox
from clearhouse.clearing.coordinate.letterbox import Letter
from clearhouse.clearing.coordinate.machine import Refused as NotTaken
from clearhouse.clearing.deconflict.known import Known, current
from clearhouse.clearing.intake import operations as intake
from clearhouse.clearing.intake.operations import KeyReusedError, Status
from clearhouse.clearing.intake.receive import Refused, receive
from clearhouse.clearing.publish import operations as publish
from clearhouse.clearing.publish.public import NoPackageError, PublicRecord, public_records
from clearhouse.kernel.identity import Actor, Scope
from clearhouse.kernel.services import Counter
from clearhouse.surfaces.api.requests import HourlyQuota
from clearhouse.surfaces.mcp import words
from clearhouse.surfaces.mcp.checking import check_tool, incoming_of, looked_at, refused_in_words
from clearhouse.surfaces.mcp.fence import Fence, one_line
from clearhouse.surfaces.mcp.shapes import (
    AnswerAnswer,
    AnswerArguments,
    Fault,
    FollowAnswer,
    FollowArguments,
    KnownAnswer,
    KnownArguments,
    Question,
    Record,
    SubmitAnswer,
    SubmitArguments,
)
from clearhouse.surfaces.mcp.toolbox import Caller, OfferedTool, ToolRefusedError

_MOST_RECORDS, _MOST_QUESTIONS = 30, 20
_NOT_PUBLIC = (
    "not attempted: whether somebody reported it already is not answered to a question in the "
    "clear, which would tell the house what you found; the helper `clearhouse mcp` asks it blindly"
)


def tools(counter: Counter, quota: HourlyQuota) -> tuple[OfferedTool, ...]:
    """Return the tools of the counter; reports spend of the quota of its other doors."""
    here = _Here(counter, quota)
    return (
        check_tool(here.known, counter.database.clock),
        OfferedTool(
            name="is_known",
            title="Is it public?",
            description=words.IS_KNOWN,
            takes=KnownArguments,
            gives=KnownAnswer,
            work=here.is_known,
            reads_only=True,
        ),
        OfferedTool(
            name="follow",
            title="Follow a report",
            description=words.FOLLOW,
            takes=FollowArguments,
            gives=FollowAnswer,
            work=here.follow,
            reads_only=True,
        ),
        OfferedTool(
            name="submit_report",
            title="Send a report",
            description=words.SUBMIT,
            takes=SubmitArguments,
            gives=SubmitAnswer,
            work=here.submit,
            reads_only=False,
            scope=Scope.SUBMIT,
        ),
        OfferedTool(
            name="answer_question",
            title="Answer the house",
            description=words.ANSWER,
            takes=AnswerArguments,
            gives=AnswerAnswer,
            work=here.answer,
            reads_only=False,
            scope=Scope.SUBMIT,
            repeatable=False,
        ),
    )


class _Here:
    """What the tools do, over the services of the counter."""

    def __init__(self, counter: Counter, quota: HourlyQuota) -> None:
        self._counter = counter
        self._quota = quota

    def known(self) -> Known:
        """Return what is public, as far as this house has copies of it."""
        folder = self._counter.known_folder
        return Known() if folder is None else current(folder)

    async def is_known(self, _: Caller, wanted: KnownArguments, fence: Fence) -> KnownAnswer:
        try:
            found = await to_thread.run_sync(partial(self._public, wanted))
        except NoPackageError:
            raise ToolRefusedError("arguments", "purl: not a package URL") from None
        return KnownAnswer(
            public=bool(found),
            records=[_record(one, fence) for one in found[:_MOST_RECORDS]],
            left_out=max(0, len(found) - _MOST_RECORDS),
            not_public=_NOT_PUBLIC,
            next=_AFTER_KNOWN[bool(found)],
        )

    async def submit(self, caller: Caller, sent: SubmitArguments, _: Fence) -> SubmitAnswer:
        actor = _demanded(caller)
        self._quota.spend(actor)
        incoming = incoming_of(sent, sent.idempotency_key)
        try:
            done = await to_thread.run_sync(receive, self._counter, actor, incoming)
        except KeyReusedError as error:
            raise ToolRefusedError("idempotency_key", str(error)) from None
        if isinstance(done, Refused):
            raise ToolRefusedError("refused", f"{refused_in_words(done)}; nothing was stored")
        return SubmitAnswer(
            receipt=done.receipt,
            reports=[looked_at(one) for one in done.reports],
            warnings=[Fault(**{k: one_line(v) for k, v in w.items()}) for w in done.warnings],
            next="Keep the receipt. Call `follow` with it in a minute, then at most once an hour.",
        )

    async def follow(self, caller: Caller, which: FollowArguments, fence: Fence) -> FollowAnswer:
        status = await to_thread.run_sync(intake.status, self._counter, which.receipt)
        if status is None:
            raise ToolRefusedError("no-such-receipt", "no submission has this receipt")
        advisories = await to_thread.run_sync(self._published, which.receipt)
        letters = await to_thread.run_sync(self._letters, caller, which.receipt)
        return FollowAnswer(
            receipt=status.receipt,
            status=status.status,
            since=status.at,
            advisories=advisories,
            questions=[_question(one, fence) for one in letters[-_MOST_QUESTIONS:]],
            next=_next(status, advisories, letters),
        )

    async def answer(self, caller: Caller, given: AnswerArguments, _: Fence) -> AnswerAnswer:
        actor = _demanded(caller)
        waiting = await to_thread.run_sync(self._letters, caller, given.receipt)
        if given.question not in {one.letter_id for one in waiting}:
            raise ToolRefusedError("no-such-question", "no question with this id waits for you")
        done = await to_thread.run_sync(
            letterbox.answer, self._counter, actor, given.question, given.text
        )
        if isinstance(done, NotTaken):
            raise ToolRefusedError(done.code, done.reason)
        return AnswerAnswer(next="Your answer is on disk. Go on with `follow`.")

    def _public(self, wanted: KnownArguments) -> tuple[PublicRecord, ...]:
        known = self.known()
        with self._counter.database.transaction(None) as transaction:
            return public_records(transaction, known, ids=wanted.ids, purl=wanted.purl)

    def _published(self, receipt: str) -> list[str]:
        with self._counter.database.transaction(None) as transaction:
            return publish.published_as(transaction, receipt)

    def _letters(self, caller: Caller, receipt: str) -> tuple[Letter, ...]:
        if caller.actor is None or not caller.may(Scope.SUBMIT):
            return ()
        return letterbox.letters(self._counter, caller.actor, receipt)


_AFTER_KNOWN = {
    True: "Read the records. If yours is one of them, do not report it again.",
    False: "Nothing public is known here. Go on with `check_report`.",
}


def _demanded(caller: Caller) -> Actor:
    if caller.actor is None:
        raise ToolRefusedError("token", "this needs a token")
    return caller.actor


def _record(one: PublicRecord, fence: Fence) -> Record:
    return Record(
        id=one_line(one.id, 80),
        aliases=[one_line(alias, 80) for alias in one.aliases[:20]],
        published_here=one.ours,
        published=one.published,
        withdrawn=one.withdrawn,
        affected=None if one.affected is None else one_line(one.affected),
        fixed=[one_line(version, 80) for version in one.fixed[:20]],
        summary=fence.around(one.summary, 300),
    )


def _question(one: Letter, fence: Fence) -> Question:
    return Question(
        question=one.letter_id,
        asked_at=one.at,
        answered_at=one.answered_at,
        words=fence.around(one.text, copy=one.copy),
    )


def _next(status: Status, advisories: list[str], letters: tuple[Letter, ...]) -> str:
    if any(one.answered_at is None for one in letters):
        return "Answer the questions that have no `answered_at`, with `answer_question`."
    if advisories:
        return "It is public. There is nothing more to do."
    if status.status != "done":
        return "It is being looked at. Ask again in a minute."
    return "It waits for people. Ask again at most once an hour, and keep it to yourself."
