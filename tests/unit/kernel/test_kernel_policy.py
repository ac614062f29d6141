import pytest

from clearhouse.kernel import policy
from clearhouse.kernel.identity import Actor, ActorKind
from clearhouse.kernel.ids import ActorId, PartyId
from clearhouse.kernel.policy import ForbiddenError, PolicyError

OURS = policy.authority()
ROLES = sorted(OURS.acts_of_role)
ACTS = sorted({act for acts in OURS.acts_of_role.values() for act in acts})


def somebody(*roles: str) -> Actor:
    return Actor(
        actor_id=ActorId("act_a"),
        party_id=PartyId("pty_a"),
        kind=ActorKind.PERSON,
        name="Ann",
        roles=frozenset(roles),
    )


@pytest.fixture
def policies(tmp_path, monkeypatch):
    monkeypatch.setenv("CLEARHOUSE_POLICIES", str(tmp_path))

    def write(text: str | bytes, name: str = "mine") -> str:
        data = text.encode() if isinstance(text, str) else text
        (tmp_path / f"{name}.yaml").write_bytes(data)
        policy._read.cache_clear()
        return name

    yield write
    policy._read.cache_clear()


@pytest.mark.parametrize("role", ROLES)
def test_no_role_may_do_what_no_rule_allows(role):
    for act in ("", "report", "report.erase", "finding.*", "*", role):
        assert not OURS.may(somebody(role), act).allowed


@pytest.mark.parametrize("role", [*ROLES, "no such role"])
def test_a_role_may_do_exactly_the_acts_that_stand_beside_it(role):
    allowed = {act for act in ACTS if OURS.may(somebody(role), act).allowed}
    assert allowed == OURS.acts_of_role.get(role, frozenset())


def test_who_has_no_role_may_do_nothing():
    assert not [act for act in ACTS if OURS.may(somebody(), act).allowed]


def test_a_right_to_the_act_does_not_open_the_object():
    coordinator = somebody("coordinator")
    for readers in ([], ["act_b"], ["role:auditor"], ["coordinator"]):
        decision = OURS.may(coordinator, "case.read", readers)
        assert (decision.allowed, decision.reason) == (False, "Ann is not read in")
    for readers in (["act_a"], ["x", "pty_a"], ["role:coordinator"]):
        assert OURS.may(coordinator, "case.read", readers).allowed


def test_being_read_in_does_not_give_the_right_to_the_act():
    decision = OURS.may(somebody("reporter"), "case.read", ["act_a"])
    assert (decision.allowed, decision.reason) == (False, "no role of Ann may case.read")


def test_every_decision_names_its_reason_and_the_policy_that_made_it():
    decision = OURS.demand(somebody("reporter", "auditor"), "report.submit")
    assert decision.reason == "role reporter"
    assert decision.policy == OURS.name == f"{OURS.policy_id}/{OURS.version}"
    able = (
        r"no role of Ann may case\.open \(clearhouse-authority/1\); roles that may: clearing, coord"
    )
    with pytest.raises(ForbiddenError, match=able):
        OURS.demand(somebody("reporter"), "case.open")


def test_an_operator_may_bring_policies_of_its_own(policies):
    policies("{id: mine, version: 7, roles: {cook: [dish.serve]}}")
    mine = policy.authority("mine")
    assert mine.name == "mine/7"
    assert mine.may(somebody("cook"), "dish.serve").allowed
    assert not mine.may(somebody("coordinator"), "case.open").allowed
    with pytest.raises(PolicyError, match="cannot read"):
        policy.load("authority/clearhouse-1")  # ours are not mixed in


def test_two_folders_do_not_answer_for_each_other(policies, tmp_path, monkeypatch):
    policies("{id: mine, version: 1}")
    assert policy.load("mine")["version"] == 1
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "mine.yaml").write_text("{id: mine, version: 2}")
    monkeypatch.setenv("CLEARHOUSE_POLICIES", str(tmp_path / "other"))
    assert policy.load("mine")["version"] == 2


def test_without_a_choice_the_policies_that_came_along_are_used(monkeypatch):
    monkeypatch.delenv("CLEARHOUSE_POLICIES", raising=False)
    assert (policy.folder() / "authority" / "clearhouse-1.yaml").is_file()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "just text",
        "[id, version]",
        "{id: x}",
        "{version: 1}",
        "id: [",
        "a: b: c",
        "!!python/object/apply:os.getpid []",
        b"\xff\xfe\x00",
    ],
)
def test_a_malformed_policy_is_refused_with_its_file_name(policies, text):
    name = policies(text)
    with pytest.raises(PolicyError, match=r"mine\.yaml"):
        policy.load(name)


@pytest.mark.parametrize(
    "text",
    [
        "{id: x, version: 1}",
        "{id: x, version: 1, roles: [reporter]}",
        "{id: x, version: 1, roles: {reporter: report.submit}}",
        "{id: x, version: 1, roles: {reporter: }}",
        "{id: x, version: 1, roles: {reporter: [1]}}",
        "{id: x, version: one, roles: {}}",
        "{id: x, version: 1.5, roles: {}}",
    ],
)
def test_an_authority_that_is_no_table_of_acts_is_refused(policies, text):
    name = policies(text)
    with pytest.raises(PolicyError, match="mine"):
        policy.authority(name)
