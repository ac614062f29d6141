"""What Inspect loads by the entry point `clearhouse`: sandbox, model provider and task."""

from clearhouse.criteria.evaluate.inspect_model import ScriptedModel
from clearhouse.criteria.evaluate.inspect_sandbox import ClearhouseSandbox
from clearhouse.criteria.evaluate.inspect_task import clearhouse_cyber, plain_answer, solved

__all__ = ["ClearhouseSandbox", "ScriptedModel", "clearhouse_cyber", "plain_answer", "solved"]
