"""The tools of one entrance: which there are, who may call them, and what an answer looks like.

In: a tool's name and arguments, from anybody. Out: structured content first, the same as JSON text,
and a note where text of others is in it. Refused, as an error that says whose fault it is and what
to do: unknown tools, forged arguments (the field and the rule, never the value), callers without
the scope, callers over their quota. A failure of ours says nothing of itself.
Source: Model Context Protocol 2026-07-28, Tools.
"""

import json
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mcp.types import CallToolResult, TextContent, Tool, ToolAnnotations
from pydantic import BaseModel, ValidationError

from clearhouse.kernel.identity import Actor, Scope
from clearhouse.kernel.policy import ForbiddenError
from clearhouse.kernel.store.embedded import StoreUnavailableError
from clearhouse.surfaces.api.problems import ProblemError
from clearhouse.surfaces.mcp.fence import Fence, one_line

_LOG = logging.getLogger(__name__)
MOST_ANSWER_BYTES = 256 * 1024


class ToolRefusedError(Exception):
    """An expected no, in words for the agent."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code


@dataclass(frozen=True, kw_only=True, slots=True)
class Caller:
    """Who calls a tool."""

    key: str
    """By what calls are counted: the actor, or where the call comes from."""
    actor: Actor | None = None
    """The actor behind a live token; None without one."""

    def may(self, scope: Scope | None) -> bool:
        """Return whether the caller's token has a scope; everybody has none."""
        return scope is None or (self.actor is not None and scope in self.actor.scopes)


Work = Callable[[Caller, Any, Fence], Awaitable[BaseModel]]


@dataclass(frozen=True, kw_only=True, slots=True)
class OfferedTool:
    """One tool."""

    name: str
    title: str
    description: str
    takes: type[BaseModel]
    gives: type[BaseModel]
    work: Work
    reads_only: bool
    scope: Scope | None = None
    """What a token must be for; None for everybody."""
    repeatable: bool = True
    """Whether the same call again changes nothing more."""

    def described(self) -> Tool:
        """Return the tool as clients are told of it."""
        return Tool(
            name=self.name,
            title=self.title,
            description=self.description,
            input_schema=self.takes.model_json_schema(),
            output_schema=self.gives.model_json_schema(mode="serialization"),
            annotations=ToolAnnotations(
                title=self.title,
                read_only_hint=self.reads_only,
                destructive_hint=False,
                idempotent_hint=self.repeatable,
                open_world_hint=False,
            ),
        )


@dataclass(frozen=True, slots=True)
class Toolbox:
    """The tools of one entrance."""

    tools: Sequence[OfferedTool]
    spend: Callable[[Caller], None] = lambda _: None
    """Counts a call. Raises: ProblemError 429."""
    _by_name: Mapping[str, OfferedTool] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Find tools by their names."""
        object.__setattr__(self, "_by_name", {one.name: one for one in self.tools})

    def offered(self, caller: Caller) -> list[Tool]:
        """Return the tools that this caller may use: those that read, and by scope the others."""
        return [one.described() for one in self.tools if caller.may(one.scope)]

    async def call(
        self, caller: Caller, name: str, arguments: Mapping[str, object]
    ) -> CallToolResult:
        """Call a tool."""
        try:
            return await self._answered(caller, name, arguments)
        except ToolRefusedError as error:
            return refusal(error.code, str(error))
        except ProblemError as error:
            return refusal("quota" if error.status == 429 else "refused", str(error))
        except ForbiddenError as error:
            return refusal("forbidden", str(error))
        except StoreUnavailableError as error:
            return refusal("unavailable", str(error))
        except Exception:  # noqa: BLE001 - the edge: an agent learns that it was us, and nothing else
            _LOG.exception("tool %s failed", name if name in self._by_name else "unknown")
            return refusal("our-fault", "the house made a mistake; try again, or tell its people")

    async def _answered(
        self, caller: Caller, name: str, arguments: Mapping[str, object]
    ) -> CallToolResult:
        self.spend(caller)
        tool = self._by_name.get(name)
        if tool is None:
            known = ", ".join(one.name for one in self.tools)
            raise ToolRefusedError("no-such-tool", f"there is no such tool; there are {known}")
        if not caller.may(tool.scope):
            raise ToolRefusedError(
                "token",
                f"{name} needs a live token with the scope {tool.scope}, sent as "
                "`Authorization: Bearer …`; whoever runs you gets one from this house",
            )
        fence = Fence()
        answer = await tool.work(caller, _taken(tool, arguments), fence)
        return _result(answer, fence)


def refusal(code: str, detail: str) -> CallToolResult:
    """Return an error that an agent can act on."""
    text = json.dumps({"error": code, "detail": one_line(detail, 1000)})
    return CallToolResult(content=[TextContent(type="text", text=text)], is_error=True)


def _taken(tool: OfferedTool, arguments: Mapping[str, object]) -> BaseModel:
    try:
        return tool.takes.model_validate(dict(arguments))
    except ValidationError as error:
        raise ToolRefusedError("arguments", _faults(error)) from None


def _faults(error: ValidationError) -> str:
    """Name fields and rules; values are the caller's, and may be anything."""
    shown = [
        f"{'.'.join(str(part)[:60] for part in fault['loc']) or 'arguments'}: "
        f"{fault['msg'] if fault['type'] != 'extra_forbidden' else 'no such argument'}"
        for fault in error.errors(include_input=False, include_url=False)[:10]
    ]
    return "; ".join(shown)


def _result(answer: BaseModel, fence: Fence) -> CallToolResult:
    document = answer.model_dump(mode="json")
    text = json.dumps(document, ensure_ascii=False)
    if len(text.encode("utf-8", "replace")) > MOST_ANSWER_BYTES:
        raise ToolRefusedError("too-large", "the answer is too large; ask for less")
    content = [TextContent(type="text", text=text)]
    if fence.used:
        content.append(TextContent(type="text", text=fence.note))
    return CallToolResult(content=list(content), structured_content=document)
