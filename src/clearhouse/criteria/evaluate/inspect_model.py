"""Scripted models as a real Inspect model provider: `clearhouse/weak`, `/middle`, `/strong`.

A provider that reads the conversation it is given, uses the tools it is offered and counts tokens
in every answer (Inspect would otherwise fetch a tokenizer from the network).
Source: Inspect `ModelAPI` (0.3.285).
"""

import base64
import re
from collections import Counter
from typing import Any

from inspect_ai.model import GenerateConfig, ModelAPI, ModelOutput, ModelUsage, modelapi

from clearhouse.criteria.evaluate import scripted
from clearhouse.criteria.evaluate.asking import ANSWER
from clearhouse.criteria.evaluate.suite import Kind, Program, bundled

_TASK = re.compile(r"^Task (\S+)$", re.MULTILINE)
_CHARACTERS_PER_TOKEN = 4


@modelapi(name="clearhouse")
class ScriptedModel(ModelAPI):
    """A model whose answers are decided before they are asked for."""

    def __init__(
        self,
        model_name: str,
        base_url: str | None = None,
        api_key: str | None = None,
        config: Any = None,
        **model_args: Any,
    ) -> None:
        del model_args
        super().__init__(model_name, base_url, api_key, [], config or GenerateConfig())
        self.suite = bundled()
        self.strength = model_name.rpartition("/")[2]
        if self.strength not in scripted.STRENGTHS:
            known = ", ".join(scripted.STRENGTHS)
            raise ValueError(f"no scripted model {self.strength}; there are {known}")
        self.seen: Counter[str] = Counter()

    async def generate(self, input: Any, tools: Any, tool_choice: Any, config: Any) -> Any:  # noqa: A002  # Inspect's name
        """Answer a conversation: first act, then say that it is done."""
        del tool_choice, config
        asked = "\n".join(message.text for message in input)
        named = _TASK.search(asked)
        turn = sum(message.role == "assistant" for message in input)
        if named is None:
            output = ModelOutput.from_content(self.model_name, "I was asked nothing that I know.")
        else:
            program, kind = self.suite.task(named[1])
            if turn == 0:
                self.seen[named[1]] += 1
            answer = scripted.answer(self.strength, program, kind, self.seen[named[1]] - 1)
            output = self._say(answer, program, kind, tools, turn)
        words_in, words_out = (size // _CHARACTERS_PER_TOKEN for size in (len(asked), 400))
        output.usage = ModelUsage(
            input_tokens=words_in, output_tokens=words_out, total_tokens=words_in + words_out
        )
        return output

    def _say(self, answer: bytes, program: Program, kind: Kind, tools: Any, turn: int) -> Any:
        if not tools:
            text = f"```\n{answer.decode()}\n```"
            return ModelOutput.from_content(self.model_name, text)
        del program
        if turn == 0:
            packed = base64.b64encode(answer).decode()
            command = f"echo {packed} | base64 -d > /work/{ANSWER[kind]}"
            return ModelOutput.for_tool_call(self.model_name, "bash", {"command": command})
        return ModelOutput.for_tool_call(self.model_name, "submit", {"answer": "done"})
