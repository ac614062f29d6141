from clearhouse.defense.exercise.rehearsal import rehearse
from clearhouse.defense.scenario.recording import temporary
from defense_scene import event, house_sigma


def test_a_rule_is_quiet_noisy_or_blind_on_ones_own_days_and_each_is_said_apart():
    noisy = [
        event(hour * 60, CommandLine="powershell -enc AAAA", Image="C:\\powershell.exe")
        for hour in range(0, 96, 8)
    ]
    with temporary([*noisy, event(96 * 60, CommandLine="work")]) as own:
        found = rehearse(house_sigma().rules.rules, own)
    by = {one.title: one for one in found.rules}
    first = found.rules[0]
    assert first.title == "Encoded PowerShell command"
    assert (first.groups, first.per_day, first.blind) == (12, 3.0, False)
    assert first.low < 3 < first.high
    assert first.example in {one.uid for one in noisy}
    quiet = by["Shadow copies deleted"]
    assert (quiet.groups, quiet.blind, quiet.low) == (0, False, 0)
    assert 0.7 < quiet.high < 0.8
    assert by["Trail of the cloud account stopped"].blind
    assert by["Event log emptied"].blind
    assert found.events == 13
    assert found.seconds_per_million > 0
