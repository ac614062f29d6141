import pytest

from clearhouse.kernel.breadth import in_order

LISTS = {
    "queue": "SELECT content_payload FROM priority WHERE superseded_at IS NULL"
    " AND NOT readers <@ ARRAY['role:clearing', 'role:intake_analyst']"
    " ORDER BY sort_key, first_received, finding_id LIMIT 51",
    "cases": "SELECT * FROM coordination_case WHERE merged_into IS NULL"
    " ORDER BY published_at IS NOT NULL, embargo_instant NULLS FIRST, case_id LIMIT 51",
}


@pytest.mark.parametrize("statement", LISTS.values(), ids=LISTS)
def test_a_list_is_walked_in_an_index_and_never_sorted(app, statement):
    with app.desk.database.transaction(app.desk.clearing_actor.actor_id) as transaction:
        with in_order(transaction):
            rows = transaction.all(f"EXPLAIN {statement}")
        plan = "\n".join(row["QUERY PLAN"] for row in rows)
        assert "Index" in plan
        assert "Sort Key" not in plan


def test_what_follows_a_list_is_planned_as_ever(app):
    with app.desk.database.transaction(app.desk.clearing_actor.actor_id) as transaction:
        with in_order(transaction):
            assert transaction.one("SHOW enable_sort") == {"enable_sort": "off"}
        assert transaction.one("SHOW enable_sort") == {"enable_sort": "on"}
