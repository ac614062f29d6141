"""What may be pooled and shown: nothing from which one network could be read.

In: what networks shared. Out: tools over them. Refused: fewer than three networks, because with two
either one could subtract itself and read the other.
"""

from collections.abc import Sequence

from clearhouse.defense.compare.pooling import Contribution, pool_tools
from clearhouse.defense.keep.record import CardKind, Pool
from clearhouse.defense.keep.refusal import TooFewNetworksError

FEWEST_NETWORKS = 3
POOLERS = "role:defense_analyst"
"""Who reads what was shared."""
OPERATORS = "role:defense_operator"
"""Who reads what was pooled."""


def readers(kind: CardKind, party_id: str) -> tuple[str, ...]:
    """Return who may read a card: its organisation, and for sums the pooling desk."""
    return (party_id,) if kind is CardKind.WHOLE else (party_id, POOLERS)


def pooled(given: Sequence[Contribution]) -> Pool:
    """Pool what at least three networks shared of one tool.

    Raises: TooFewNetworksError when there is no such tool.
    """
    tools = pool_tools(given, FEWEST_NETWORKS)
    if not tools:
        raise TooFewNetworksError(
            f"no tool was shared by {FEWEST_NETWORKS} organisations; fewer would tell of one"
        )
    return Pool(networks=len({one.network for one in given}), tools=tools)
